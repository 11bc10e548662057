"""Settings from environment variables, and database URLs. May import only `storage.records`: every
other folder may read its settings from here."""
