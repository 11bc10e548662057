"""Explains a burst: which values differ most in a range of time, and what came first.

It reads only results as JSON, and knows neither files nor kernels. May import `formats`, `read`,
`templates` and `times`.
"""
