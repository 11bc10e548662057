"""When tokens were last used, and from which addresses.

A listener keeps the uses in memory, and stores the latest of each token once a minute: no request
waits for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import peewee as pw

from storage.db.database import Database, open_engine
from storage.db.models_access import TokenUseRow
from storage.records.job import StoreUnusable
from storage.settings.url import is_postgresql, sqlite_path


@dataclass(frozen=True)
class TokenUse:
    """A use of a token: the time in milliseconds since 1970, and the address of the client."""

    used_at: int
    address: str


class TokenUses:
    """The last uses of tokens by their names. Its methods raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def store(self, uses: Mapping[str, TokenUse]) -> None:
        """Store the uses of tokens, unless another listener has stored later ones."""
        with self._database.transaction():
            for name, use in sorted(uses.items()):  # in one order, so that no two listeners lock
                self._database.run(_insert(name, use))

    def all(self) -> dict[str, TokenUse]:
        """Return the last use of each token that was used, by its name."""
        rows = self._database.rows(TokenUseRow.select())
        return {row["name"]: TokenUse(row["used_at"], row["address"]) for row in rows}


def read_token_uses(url: str) -> dict[str, TokenUse]:
    """Return the last use of each token, from the database with this URL. Creates nothing.

    Raises StoreError, also if the database does not exist yet.
    """
    if not is_postgresql(url):
        path = sqlite_path(url)
        try:
            path.open("rb").close()
        except OSError as error:
            raise StoreUnusable(f"{path}: {error.strerror}") from None
    database = Database(open_engine(url))
    try:
        return TokenUses(database).all()
    finally:
        database.close()


def _insert(name: str, use: TokenUse) -> pw.Insert:
    row = TokenUseRow.insert(name=name, used_at=use.used_at, address=use.address)
    later = {TokenUseRow.used_at: use.used_at, TokenUseRow.address: use.address}
    return row.on_conflict(
        conflict_target=[TokenUseRow.name],
        update=later,
        where=TokenUseRow.used_at < use.used_at,
    )
