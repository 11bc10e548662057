"""Sends callbacks: when a job ends, POSTs its final state to the URL given by its client, and to
the URLs in CALLBACKS_FILE whose filters match the job.

    outbox in the store ──take──▶ CallbackSender ──signed POST──▶ client ──2xx──▶ done
                                    └── any other outcome: retried later, up to MAX_TRIES times

Each callback is sent at least once, always with the same `webhook-id`. All listeners share the
outbox; callbacks that a listener had taken when it died become due again.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.events.documents import callback_body
from server.http.webhook_signatures import signed_headers
from server.jobs.validation.conflicts import callback_refusal
from server.store.threads import StoreChanges, StoreThreads
from storage.jobs.callbacks import RESERVED_SECONDS, Callback, Callbacks
from storage.jobs.service_callbacks import ServiceCallbacks
from storage.records.job import StoreDamaged, StoreError

log = logging.getLogger(__name__)

OUTCOMES = ("sent", "failed", "given_up")
MAX_TRIES = 12
FIRST_RETRY_SECONDS = 5.0
MAX_RETRY_SECONDS = 3600.0
TIMEOUT_SECONDS = 10.0
MAX_HEAD_BYTES, MAX_BODY_BYTES = 2**14, 2**16
"""The most that is read of a response. Only its status counts."""
PAUSE_SECONDS = 0.1
"""Minimum time between two queries that find no callback, however fast jobs end."""
MAX_IN_FLIGHT = 16
_MAX_UNRESPONSIVE = 2
"""The limit of callbacks in flight to a host that did not respond last time, or was never tried."""
_RETRY_UNTRIED_SECONDS, _RETRY_UNRESPONSIVE_SECONDS = 1.0, 10.0
"""How long callbacks to such a host are postponed when the limit is reached."""


class CallbackSlots:
    """The slots of the callbacks in flight: hosts that do not respond leave most to the others.

    A host is a name with its port.
    """

    def __init__(self) -> None:
        self._in_flight: Counter[str] = Counter()
        self._responded: dict[str, bool] = {}

    @property
    def free(self) -> int:
        """The number of free slots."""
        return MAX_IN_FLIGHT - self._in_flight.total()

    def acquire(self, host: str) -> float:
        """Take a slot for a host, and return 0.

        If the host has too many slots already, return the seconds to wait instead.
        """
        responded = self._responded.get(host)
        if not responded and self._in_flight[host] >= _MAX_UNRESPONSIVE:
            return _RETRY_UNTRIED_SECONDS if responded is None else _RETRY_UNRESPONSIVE_SECONDS
        self._in_flight[host] += 1
        return 0.0

    def release(self, host: str, responded: bool) -> None:
        """Give a slot back, and note whether the host sent a response, whatever its status."""
        self._in_flight[host] -= 1
        self._responded[host] = responded


def message_id(callback: Callback) -> str:
    """Return the id of a callback, which is the same for each try."""
    suffix = f"-{callback.name}" if callback.name else ""
    return f"{callback.job.id}-{callback.job.version}{suffix}"


def retry_delay(tries: int) -> float:
    """Return the seconds until the next try: exponential backoff with 20 % jitter."""
    seconds: float = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (tries - 1))
    return seconds * random.uniform(0.8, 1.2)


def host_of(url: str) -> str:
    """Return the host and port of a URL, or an empty string if it cannot be parsed."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


class CallbackSender:
    """Sends due callbacks until it is stopped."""

    def __init__(
        self,
        callbacks: Callbacks,
        changes: StoreChanges,
        threads: StoreThreads,
        hosts: Collection[str],
        keys: Sequence[bytes],
        for_all: ServiceCallbacks | None = None,
    ):
        """`hosts`: the hosts that a `callback_url` may name. `keys` sign all callbacks. `for_all`
        has the callbacks for all jobs, if there are any."""
        self._callbacks = callbacks
        self._for_all = for_all
        self._changes = changes
        self._threads = threads
        self._hosts = hosts
        self._keys = keys
        self._client = SimpleAsyncHTTPClient(
            force_instance=True,
            max_clients=MAX_IN_FLIGHT,
            max_header_size=MAX_HEAD_BYTES,
            max_body_size=MAX_BODY_BYTES,
            max_buffer_size=MAX_BODY_BYTES + MAX_HEAD_BYTES,
        )
        self.counts = dict.fromkeys(OUTCOMES, 0)
        """Tries by outcome. A callback that is given up has failed, too."""
        self._slots = CallbackSlots()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop sending. Callbacks in flight become due again after RESERVED_SECONDS."""
        tasks = [self._task, *self._in_flight]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self._client.close()

    async def _run(self) -> None:
        while True:
            change = self._changes.next_change()
            has_more = self._for_all and await self._call_store(self._for_all.collect)
            taken = await self._take()
            for callback in taken:
                await self._start(callback)
            if not (taken or has_more) or not self._slots.free:
                await self._wait_for_work(change)

    async def _take(self) -> list[Callback]:
        """Take due callbacks of both outboxes. If both are in use, callbacks of jobs get half of
        the free slots."""
        free, taken = self._slots.free, list[Callback]()
        if self._hosts:
            limit = max(1, free // 2) if self._for_all else free
            taken += await self._call_store(self._callbacks.take, limit, RESERVED_SECONDS) or []
        if self._for_all and (left := free - len(taken)) > 0:
            taken += await self._call_store(self._for_all.take, left, RESERVED_SECONDS) or []
        return taken

    def _outbox(self, callback: Callback) -> Callbacks | ServiceCallbacks:
        return self._for_all if callback.name and self._for_all else self._callbacks

    async def _start(self, callback: Callback) -> None:
        """Send a callback in its own task, so that an unresponsive host delays no other."""
        host = host_of(callback.url)
        if seconds := self._slots.acquire(host):
            await self._call_store(self._outbox(callback).postpone, callback, seconds)
            return
        task = asyncio.create_task(self._send(callback, host))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _wait_for_work(self, change: asyncio.Event) -> None:
        """Wait until a slot is free and a callback may be due."""
        tasks: set[asyncio.Task[Any]] = set(self._in_flight)
        changed = asyncio.create_task(change.wait())
        try:
            if self._slots.free:
                tasks.add(changed)  # done after a second at the latest: StoreChanges wakes all
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    async def _send(self, callback: Callback, host: str) -> None:
        reason = await self._try(callback, host)
        self.counts["failed" if reason else "sent"] += 1
        fields = {"job_id": str(callback.job.id), "tries": callback.tries}
        if callback.name:
            fields["callback"] = callback.name
        outbox = self._outbox(callback)
        if reason is None:
            log.info("callback sent", extra=fields)
            await self._call_store(outbox.done, callback)
        elif callback.tries >= MAX_TRIES:
            self.counts["given_up"] += 1
            log.warning("callback given up", extra={**fields, "reason": reason})
            await self._call_store(outbox.done, callback)
        else:
            log.info("callback failed", extra={**fields, "reason": reason})
            seconds = retry_delay(callback.tries)
            await self._call_store(outbox.retry, callback, seconds)

    async def _call_store(self, call: Callable[..., object], *args: Any) -> Any:
        """Make a call to the store, and return its result; None after an error.

        After any error, the sender goes on, and the callback becomes due again by itself.
        """
        try:
            return await self._threads.run(call, *args)
        except Exception as error:
            _log(error)

    async def _try(self, callback: Callback, host: str) -> str | None:
        """Send a callback and release its slot; returns why it failed, or None on success."""
        responded = True
        try:
            if not callback.name and (refused := callback_refusal(callback.url, self._hosts)):
                return refused  # the setting has changed
            status = await self._post(callback)
        except Exception as error:  # names, networks and peers fail in many ways
            responded = False
            return f"{type(error).__name__}: {error}"
        finally:
            self._slots.release(host, responded)
        return None if 200 <= status < 300 else f"answered {status}"

    async def _post(self, callback: Callback) -> int:
        body = callback_body(callback.job)
        head: list[str] = []
        request = HTTPRequest(
            callback.url,
            method="POST",
            body=body,
            headers=signed_headers(message_id(callback), self._keys, time.time(), body),
            follow_redirects=False,
            decompress_response=False,
            header_callback=head.append,
            request_timeout=TIMEOUT_SECONDS,
        )
        try:
            return (await self._client.fetch(request, raise_error=False)).code
        except Exception:
            *whole, _ = "".join(head).split("\r\n\r\n")
            status = int(whole[-1].split()[1]) if whole else 0
            if status < 200:  # an interim response (1xx) came before an incomplete head
                raise
            return status  # only the body was too long or too slow


def _log(error: BaseException) -> None:
    if isinstance(error, StoreDamaged):
        return  # the store itself logs damage, once
    if isinstance(error, StoreError):
        log.warning("callbacks cannot be sent", extra={"reason": str(error)})
    else:
        log.error("unforeseen error", exc_info=error)
