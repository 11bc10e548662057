"""Results for people: tables, also as CSV, and a page of HTML. It reads nothing but a result."""
