"""Remembers when and from where callers use their tokens, and stores it now and then."""

import asyncio
import logging
import time

from server.http.request_log import RunInBackground
from server.store.threads import StoreThreads
from storage.access.token_uses import TokenUse, TokenUses
from storage.audit.log import AuditLog
from storage.records.job import StoreError

log = logging.getLogger(__name__)

MAX_KNOWN = 10_000
"""How many names with addresses a listener remembers. Then it asks the audit log again."""
STORE_SECONDS = 60.0
"""The time between two writes. A use that comes after a pause is stored at once."""


class UsedTokens:
    """The uses of tokens that this listener has seen and not stored yet.

    A request only changes a dictionary. Create it inside the running event loop.
    """

    def __init__(
        self,
        uses: TokenUses,
        threads: StoreThreads,
        run_in_background: RunInBackground,
        audit: AuditLog | None = None,
    ):
        """`audit` gets the addresses from which a token is used first; None if it is off."""
        self._audit = audit
        self._known: set[tuple[str, str]] = set()
        """Names and addresses that were recorded in the audit log, or will be with `_new`."""
        self._new: list[tuple[str, str]] = []
        self._uses = uses
        self._threads = threads
        self._run_in_background = run_in_background
        self._seen: dict[str, TokenUse] = {}
        self._store_at = 0.0
        """When the next write is due, by the clock of the event loop."""
        self._timer: asyncio.TimerHandle | None = None

    def note(self, name: str, address: str) -> None:
        """Note that the token with this name was just used from this address."""
        self._seen[name] = TokenUse(time.time_ns() // 1_000_000, address)
        if self._audit is not None and (name, address) not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known.add((name, address))
            self._new.append((name, address))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._store_at, loop.time()), self._begin)

    async def store(self) -> None:
        """Store what was noted. If the store fails, it is tried again with the next write."""
        seen, self._seen = self._seen, {}
        new, self._new = self._new, []
        if not seen:
            return
        try:
            await self._threads.run(self._uses.store, seen)
            while new and self._audit:
                await self._threads.run(self._audit.record_use, *new[-1])
                new.pop()
        except StoreError as error:
            self._seen, self._new = {**seen, **self._seen}, new + self._new
            log.info("uses of tokens are not stored yet", extra={"error": str(error)})

    async def stop(self) -> None:
        """Store the rest, before the threads end."""
        if self._timer is not None:
            self._timer.cancel()
        await self.store()

    def _begin(self) -> None:
        self._timer = None
        self._store_at = asyncio.get_running_loop().time() + STORE_SECONDS
        self._run_in_background(self.store())
