"""Requests for analyses, as JSON: their checks and errors, and the function that answers them."""
