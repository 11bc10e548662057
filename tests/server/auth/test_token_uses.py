"""The last uses of tokens: noted by requests, stored now and then."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from server.start.app import App
from storage.access.token_uses import TokenUse, TokenUses, read_token_uses
from storage.records.job import StoreError, StoreUnavailable
from tests.support.api import Client, open_app
from tests.support.callers import API_TOKENS, bearer
from tests.support.stores import Bench

NO_JOB = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with tokens."""
    with open_app(bench, io_loop, api_tokens=API_TOKENS) as application:
        yield application


def test_of_two_uses_the_later_one_is_kept(bench: Bench) -> None:
    uses = TokenUses(bench.store.database)
    uses.store({"eve": TokenUse(2, "10.0.0.2"), "bob": TokenUse(1, "::1")})
    uses.store({"eve": TokenUse(1, "10.0.0.1"), "bob": TokenUse(3, "10.0.0.3")})
    assert uses.all() == {"eve": TokenUse(2, "10.0.0.2"), "bob": TokenUse(3, "10.0.0.3")}


@pytest.mark.sqlite
def test_reading_uses_creates_no_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("none")
    with pytest.raises(StoreError, match="No such file"):
        read_token_uses(f"sqlite:///{folder}/jobs.db")
    assert list(folder.iterdir()) == []


@pytest.mark.gen_test
async def test_the_uses_on_both_paths_are_stored_and_not_with_each_request(
    app: App, client: Client, bench: Bench
) -> None:
    begin, writes = time.time() * 1000 - 1, []
    store, uses = TokenUses.store, TokenUses(bench.store.database)

    def counted(self: TokenUses, seen: dict[str, TokenUse]) -> None:
        writes.append(sorted(seen))
        store(self, seen)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TokenUses, "store", counted)
        await client.fetch(NO_JOB, headers=bearer("ann"))
        while not uses.all():
            await asyncio.sleep(0.01)
        for name in ("sue", "sue", "ann"):
            await client.fetch(NO_JOB, headers=bearer(name) | {"X-Plain": "no"})
        await client.fetch(NO_JOB, headers={"Authorization": "Bearer jst_none-0123456789"})
        await client.fetch(NO_JOB)
        assert writes == [["ann"]]
        await app.used_tokens.stop()
        assert writes == [["ann"], ["ann", "sue"]]
    found = uses.all()
    assert {name: use.address for name, use in found.items()} == {
        "ann": "127.0.0.1",
        "sue": "127.0.0.1",
    }
    assert all(begin <= use.used_at <= time.time() * 1000 for use in found.values())


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_uses_that_cannot_be_stored_are_kept(app: App, client: Client, bench: Bench) -> None:
    def fail(self: TokenUses, seen: dict[str, TokenUse]) -> None:
        raise StoreUnavailable("the disk is slow")

    await asyncio.sleep(0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TokenUses, "store", fail)
        await client.fetch(NO_JOB, headers=bearer("ann"))
        await app.used_tokens.store()
        await app.used_tokens.store()
    await app.used_tokens.stop()
    assert list(TokenUses(bench.store.database).all()) == ["ann"]
