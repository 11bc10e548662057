"""Documents about analyses: their query parameters, and results as text for a terminal."""
