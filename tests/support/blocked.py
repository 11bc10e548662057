"""Gives an asynchronous client the calls of a blocking one, so that a test can use either."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any, cast

from jobservice import AsyncClient, Client


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
        wrapped = self._wrapped(value)  # a group, such as `batches`
        return self._blocking(value) if wrapped is value and callable(value) else wrapped

    def __enter__(self) -> "_Blocked":
        self._runner.run(_result_of(self._inner.__aenter__()))
        return self

    def __exit__(self, *error: Any) -> None:
        self._runner.run(_result_of(self._inner.__aexit__(*error)))

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call a group of calls itself, such as `types`."""
        return self._blocking(self._inner)(*args, **options)

    def _blocking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            given = {name: _unwrapped(value) for name, value in options.items()}
            result = method(*map(_unwrapped, args), **given)
            if isawaitable(result):
                return self._wrapped(self._runner.run(_result_of(result)))
            is_iterated = isinstance(result, AsyncIterator)
            return self._iterated(result) if is_iterated else self._wrapped(result)

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
        is_ours = type(value).__module__.startswith("jobservice._async.")
        return _Blocked(value, self._runner) if is_ours else value


_END = object()


async def _next(values: Any) -> Any:
    return await anext(values, _END)


async def _result_of(awaitable: Any) -> Any:
    return await awaitable


def _unwrapped(value: Any) -> Any:
    if isinstance(value, list):
        return [_unwrapped(each) for each in value]
    return value._inner if isinstance(value, _Blocked) else value
