"""What a check gets, and what it finds."""
