"""Space that is kept for cancels on a full disk."""

from pathlib import Path

import pytest

from storage.files import space_reserve
from storage.files.space_reserve import RESERVE_BYTES, STEP_BYTES, SpaceReserve
from storage.records.job import StoreFull


def test_the_reserve_takes_space_and_gives_it_back_in_pieces(tmp_path: Path) -> None:
    reserve, file = SpaceReserve(tmp_path / "jobs.db"), tmp_path / "jobs.db-reserve"
    reserve.fill()
    assert file.stat().st_blocks * 512 >= RESERVE_BYTES
    pieces = 0
    while reserve.release():
        pieces += 1
        assert file.stat().st_size == RESERVE_BYTES - pieces * STEP_BYTES
    assert pieces == RESERVE_BYTES // STEP_BYTES
    reserve.fill()
    assert file.stat().st_size == RESERVE_BYTES


def test_the_reserve_stays_empty_while_the_disk_has_little_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space_reserve, "MIN_FREE_BYTES", 1 << 60)
    reserve = SpaceReserve(tmp_path / "jobs.db")
    reserve.fill()
    assert not reserve.release()
    assert list(tmp_path.iterdir()) == []


def test_a_change_is_tried_again_until_the_reserve_is_used_up(tmp_path: Path) -> None:
    reserve, tries = SpaceReserve(tmp_path / "jobs.db"), []
    reserve.fill()

    def change() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise StoreFull("full")
        return "done"

    def fail() -> str:
        raise StoreFull("full")

    assert (reserve.retrying(change), len(tries)) == ("done", 4)
    with pytest.raises(StoreFull):
        reserve.retrying(fail)
    assert not reserve.release()


def test_a_database_on_a_server_has_no_reserve() -> None:
    reserve = SpaceReserve(None)
    reserve.fill()
    assert not reserve.release()
