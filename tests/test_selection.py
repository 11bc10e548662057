"""Which tests a call of pytest runs, and in how many processes."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.selection import is_left_out, processes


def call(*arguments: str, k: str = "", m: str = "", everything: bool = False) -> Any:
    """The configuration of `pytest ARGUMENTS -k … -m … [--all]`."""
    option = SimpleNamespace(keyword=k, markexpr=m, all=everything)
    return SimpleNamespace(args=[*arguments], option=option)


def runs(mark: str, config: Any) -> bool:
    """Whether a test with a mark runs."""
    item: Any = SimpleNamespace(
        nodeid="tests/a/test_b.py::test_c",
        fixturenames=(),
        get_closest_marker=lambda name: name == mark,
    )
    return not is_left_out(item, config, {item.nodeid})


@pytest.mark.parametrize(
    ("config", "heavy", "timing", "other"),
    [
        (call("tests"), False, False, True),
        (call("tests/a"), False, False, True),
        (call("tests", k="not postgresql"), False, False, True),
        (call("tests/a/test_b.py"), True, True, True),
        (call("tests", k="test_c"), True, True, True),
        (call("tests", everything=True), True, False, True),
        (call("tests", m="timing"), False, True, True),
        (call("tests", m="timing", everything=True), True, True, True),
    ],
    ids=["all", "folder", "without", "file", "name", "--all", "-m timing", "--all -m timing"],
)
def test_what_is_heavy_or_measures_time_has_to_be_asked_for(
    config: Any, heavy: bool, timing: bool, other: bool
) -> None:
    assert (runs("heavy", config), runs("timing", config), runs("", config)) == (
        heavy,
        timing,
        other,
    )


def test_few_tests_run_in_one_process_and_many_in_several() -> None:
    assert processes(call("tests")) >= 2
    assert processes(call("tests/a/test_b.py")) == processes(call("tests", k="test_c")) == 0
