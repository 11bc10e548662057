"""The subject that a check examines, and the findings that it yields."""
