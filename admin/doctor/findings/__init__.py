"""The subject that a check examines, the findings that it yields, and what several texts need."""
