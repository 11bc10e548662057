"""The table of parts of jobs, as `models` has the others."""

import peewee as pw


class PartRow(pw.Model):
    """A part of a job that is done in parts, while it is not final. JSON is kept as text."""

    job_id = pw.UUIDField()
    number = pw.IntegerField()
    status = pw.TextField()
    spec = pw.TextField()
    progress = pw.TextField()
    runner = pw.TextField(null=True)
    tries = pw.IntegerField()
    lost = pw.IntegerField()
    """How often a runner has ended while it had the part."""
    result = pw.TextField(null=True)
    error = pw.TextField(null=True)
    cpu_seconds = pw.DoubleField(null=True)
    peak_memory_bytes = pw.BigIntegerField(null=True)

    class Meta:
        table_name = "part"
        primary_key = pw.CompositeKey("job_id", "number")
