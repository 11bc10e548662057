"""The programs' logs and OpenTelemetry traces. May import `storage.records` and `storage.settings`,
but nothing of the database. Only exporter.py and spans.py load OpenTelemetry."""
