"""What the command prints: numbers and times as text, tables, progress. `console.py` writes it."""
