"""Gives an asynchronous client the calls of a blocking one, so that a test can use either."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, cast

from jobservice import AsyncClient, AsyncJob, Client


@contextmanager
def blocked(client: AsyncClient) -> Iterator[Client]:
    """Yield the client with blocking calls, and close it."""
    with asyncio.Runner() as runner:
        try:
            yield cast(Client, _Blocked(client, runner))
        finally:
            runner.run(client.aclose())


class _Blocked:
    """An asynchronous client, job or group of calls, whose calls run an event loop to their end."""

    def __init__(self, inner: Any, runner: asyncio.Runner):
        self._inner = inner
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if type(value).__module__.startswith("jobservice._async."):  # a group, such as `batches`
            return _Blocked(value, self._runner)
        return self._blocking(value) if callable(value) else value

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call a group of calls itself, such as `types`."""
        return self._blocking(self._inner)(*args, **options)

    def _blocking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            given = {name: _unwrapped(value) for name, value in options.items()}
            result = method(*map(_unwrapped, args), **given)
            if isawaitable(result):
                return self._wrapped(self._runner.run(_result_of(result)))
            return self._iterated(result) if isinstance(result, AsyncIterator) else result

        return call

    def _iterated(self, values: Any) -> Iterator[Any]:
        try:
            while (value := self._runner.run(_next(values))) is not _END:
                yield self._wrapped(value)
        finally:
            self._runner.run(_result_of(values.aclose()))

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._wrapped(each) for each in value]
        return _Blocked(value, self._runner) if isinstance(value, AsyncJob) else value


_END = object()


async def _next(values: Any) -> Any:
    return await anext(values, _END)


async def _result_of(awaitable: Any) -> Any:
    return await awaitable


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list):
        return [_unwrapped(each) for each in value]
    return value._inner if isinstance(value, _Blocked) else value
