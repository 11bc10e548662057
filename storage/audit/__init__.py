"""The audit log: who has changed what, and from where. `record.py` writes it, `log.py` reads it."""
