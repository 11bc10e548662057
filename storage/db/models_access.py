"""The tables about the callers of the API, for both databases."""

import peewee as pw


class TokenUseRow(pw.Model):
    """The last use of the token with a name: the time in milliseconds, and the client's address."""

    name = pw.TextField(primary_key=True)
    used_at = pw.BigIntegerField()
    address = pw.TextField()

    class Meta:
        table_name = "token_use"
