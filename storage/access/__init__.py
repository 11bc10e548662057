"""What is stored about the callers of the API: when and from where each was last seen."""
