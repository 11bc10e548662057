"""The table of runners that were lost as a Peewee model."""

import peewee as pw


class LostRunnerRow(pw.Model):
    """A runner whose lease has ended. Its jobs were settled at `lost_at`."""

    name = pw.TextField(primary_key=True)
    slots = pw.IntegerField()
    started_at = pw.BigIntegerField()
    queues = pw.TextField(null=True)
    """Comma-separated names of the queues that it took jobs from; null means all."""
    heard_at = pw.BigIntegerField(null=True)
    """When it has renewed its lease last."""
    lost_at = pw.BigIntegerField()
    queued_again = pw.IntegerField()
    """How many of its jobs and parts were queued again."""
    ended = pw.IntegerField()
    """How many of its jobs ended, lost too often or to be canceled."""

    class Meta:
        table_name = "lost_runner"
