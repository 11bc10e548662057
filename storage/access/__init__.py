"""Stores when, and from which address, each caller of the API was last seen."""
