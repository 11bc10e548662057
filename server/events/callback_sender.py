"""Tells clients of the end of their jobs, by POST to the address that each has given.

    store, outbox ──take──▶ Sender ──POST, signed──▶ the client ──2xx──▶ done
                              └──── anything else: later, at most TRIES times

Signed as Standard Webhooks has it, https://www.standardwebhooks.com/. Sent at least once, with the
same `webhook-id` each time. Listeners share the work; what one has taken when it dies is due again.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import random
import time
from collections.abc import Collection

from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.documents.callback_hosts import host_of, refusal
from server.events.callback_slots import AT_ONCE, CallbackSlots
from server.events.documents import callback_body
from server.events.feed import Blocking
from server.store.changes import StoreChanges
from storage.jobs.callbacks import Callback, Callbacks
from storage.records.job import StoreError

log = logging.getLogger(__name__)

TRIES = 12
FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3600.0
TIMEOUT_SECONDS = 10.0
TAKEN_SECONDS = 60.0
PAUSE_SECONDS = 0.1
"""Between two looks that found nothing, however many jobs end."""


def signed(callback: Callback, secret: bytes, now: float, body: bytes) -> dict[str, str]:
    """The headers of a message."""
    message_id, moment = f"{callback.job.id}-{callback.job.version}", str(int(now))
    text = b".".join((message_id.encode(), moment.encode(), body))
    signature = base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{signature}",
    }


def pause(tries: int) -> float:
    """Seconds to the next try, after so many."""
    longest: float = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (tries - 1))
    return longest * random.uniform(0.8, 1.2)


class CallbackSender:
    """Sends what is due, as long as it is not stopped."""

    def __init__(
        self,
        callbacks: Callbacks,
        changes: StoreChanges,
        blocking: Blocking,
        hosts: Collection[str],
        secret: bytes,
    ):
        self._callbacks = callbacks
        self._changes = changes
        self._blocking = blocking
        self._hosts = hosts
        self._secret = secret
        self._client = SimpleAsyncHTTPClient(force_instance=True, max_clients=AT_ONCE)
        self._places = CallbackSlots()
        self._under_way: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send no more; what has been taken is sent after a while by another one."""
        ending = [self._task, *self._under_way]
        for task in ending:
            task.cancel()
        await asyncio.wait(ending)
        self._client.close()

    async def _run(self) -> None:
        while True:
            ticket = self._changes.ticket()
            taken = await self._take(self._places.free)
            for callback in taken:
                await self._start(callback)
            if not taken or not self._places.free:
                await self._news(ticket)

    async def _take(self, most: int) -> list[Callback]:
        try:
            return await self._blocking(lambda: self._callbacks.take(most, TAKEN_SECONDS))
        except Exception as error:  # also of ours: those that come after are to be sent
            _log(error)
            return []

    async def _start(self, callback: Callback) -> None:
        """Each by itself: who does not answer keeps no other waiting."""
        host = host_of(callback.url)
        if seconds := self._places.take(host):
            await self._put_off(callback, seconds)
            return
        task = asyncio.create_task(self._send(callback, host))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    async def _put_off(self, callback: Callback, seconds: float) -> None:
        try:
            await self._blocking(lambda: self._callbacks.postpone(callback, seconds))
        except Exception as error:  # it is due again after a while
            _log(error)

    async def _news(self, ticket: asyncio.Event) -> None:
        """Return once there may be something to send, and room for it."""
        waits = set(self._under_way)
        change = asyncio.create_task(self._changes.after(ticket, TAKEN_SECONDS))
        try:
            if self._places.free:
                waits.add(change)  # woken each second at least
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log(error)

    async def _send(self, callback: Callback, host: str) -> None:
        reason = await self._try(callback, host)
        names = {"job_id": str(callback.job.id), "tries": callback.tries}
        if reason is None:
            log.info("callback sent", extra=names)
            await self._blocking(lambda: self._callbacks.done(callback))
        elif callback.tries >= TRIES:
            log.warning("callback given up", extra={**names, "reason": reason})
            await self._blocking(lambda: self._callbacks.done(callback))
        else:
            log.info("callback failed", extra={**names, "reason": reason})
            seconds = pause(callback.tries)
            await self._blocking(lambda: self._callbacks.retry(callback, seconds))

    async def _try(self, callback: Callback, host: str) -> str | None:
        """Send it, and give its place back; why that has failed, if it has."""
        answered = True
        try:
            refused = refusal(callback.url, self._hosts)  # the setting may have changed
            if refused:
                return refused
            code = await self._post(callback)
        except Exception as error:  # whatever a name, a network or a peer does
            answered = False
            return f"{type(error).__name__}: {error}"
        finally:
            self._places.give_back(host, answered)
        return None if 200 <= code < 300 else f"answered {code}"

    async def _post(self, callback: Callback) -> int:
        body = callback_body(callback.job)
        request = HTTPRequest(
            callback.url,
            method="POST",
            body=body,
            headers=signed(callback, self._secret, time.time(), body),
            follow_redirects=False,
            request_timeout=TIMEOUT_SECONDS,
        )
        return (await self._client.fetch(request, raise_error=False)).code


def _log(error: BaseException) -> None:
    if isinstance(error, StoreError):
        log.warning("callbacks cannot be sent", extra={"reason": str(error)})
    else:
        log.error("unforeseen error", exc_info=error)
