"""How jobs and parts share the slots of a runner."""

import pytest

from runner.part_work import PartWork


class Store:
    """As many parts as are said wait."""

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting

    def waiting(self, limit: int) -> int:
        return min(self._waiting, limit)


class Roster:
    """So many parts run here."""

    def __init__(self, running: int) -> None:
        self._running = running

    def parts(self) -> list[object]:
        return [object()] * self._running


@pytest.mark.parametrize(
    ("slots", "running", "waiting", "free", "reserved"),
    [
        (4, 0, 9, 4, 2),
        (5, 0, 9, 5, 3),
        (4, 1, 9, 3, 1),
        (4, 2, 9, 2, 0),
        (4, 4, 9, 0, 0),
        (4, 0, 1, 4, 1),
        (4, 0, 9, 1, 1),
        (4, 0, 0, 4, 0),
        (1, 0, 9, 1, 1),
    ],
)
def test_parts_have_half_of_the_slots_for_certain_as_long_as_they_wait(
    slots: int, running: int, waiting: int, free: int, reserved: int
) -> None:
    work = PartWork(Store(waiting), Roster(running), slots)  # type: ignore[arg-type]
    assert work.look(free) is (waiting > 0 and free > 0)
    assert work.reserved(free) == reserved
