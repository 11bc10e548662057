"""The asynchronous client survives restarts of the listener, as the blocking one does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from jobservice import AsyncClient
from tests.support.client_restarts import has_connection, restart
from tests.support.programs import Service
from tests.support.waiting import wait_for


def run(listener: Service, scenario: Callable[[AsyncClient], Awaitable[None]]) -> None:
    """Run a scenario with a client of the listener."""

    async def with_client() -> None:
        async with AsyncClient(listener.base_url) as client:
            await scenario(client)

    asyncio.run(with_client())


async def connected(listener: Service) -> None:
    """Wait until the client is connected."""
    await asyncio.to_thread(wait_for, lambda: has_connection(listener))


def test_an_upload_begins_again_and_is_stored_once(listener: Service) -> None:
    content = bytes(8 * 1024**2)
    seen: list[int] = []

    def progress(sent: int, size: int | None) -> None:
        if sent > len(content) / 2 and 0 not in seen[1:]:
            restart(listener)
        seen.append(sent)

    async def upload(client: AsyncClient) -> None:
        job = await client.analyze(("zeros.log", content), ["ERROR"], on_progress=progress)
        assert (seen[-1], seen.count(0)) == (len(content), 2)
        assert [each.id async for each in client.list()] == [job.id]

    run(listener, upload)


@pytest.mark.heavy
def test_a_wait_goes_on_after_a_restart(listener: Service) -> None:
    async def wait(client: AsyncClient) -> None:
        job = await client.submit("sleep", {"seconds": 0})
        waiting = asyncio.create_task(job.result())
        await connected(listener)
        await asyncio.to_thread(restart, listener)
        await asyncio.to_thread(listener.worker)
        assert await waiting == {"slept": 0}

    run(listener, wait)


def test_output_is_followed_without_a_gap_or_a_repetition(listener: Service) -> None:
    async def follow(client: AsyncClient) -> None:
        job = await client.submit("talk", {"lines": 3, "then": "return"})

        async def lines() -> list[str]:
            return [line async for line in job.logs(follow=True)]

        following = asyncio.create_task(lines())
        await connected(listener)
        await asyncio.to_thread(restart, listener)
        await asyncio.to_thread(listener.worker)
        assert await following == [f"line {number}\n" for number in range(3)]

    run(listener, follow)
