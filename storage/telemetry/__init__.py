"""The programs' logs and OpenTelemetry traces. May import `storage.records` and `storage.settings`,
but nothing of the database. Only spans.py loads OpenTelemetry."""
