"""The table of the audit log as a Peewee model."""

import peewee as pw


class AuditRow(pw.Model):
    """One change, and who made it. Rows are never changed; a trigger refuses that."""

    id = pw.UUIDField(primary_key=True)
    """A UUID of version 7, which begins with the time `at`."""
    at = pw.BigIntegerField()
    caller = pw.TextField(null=True)
    address = pw.TextField(null=True)
    action = pw.TextField()
    kind = pw.TextField()
    subject = pw.TextField()
    detail = pw.TextField(null=True)
    """A JSON object; null if it is empty."""

    class Meta:
        table_name = "audit"
