"""Commands of `python -m storage`: a module each."""
