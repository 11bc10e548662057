"""The list of guards goes with the code: what each mutant changes is there, once."""

from collections import Counter

import pytest

from tests.mutants.__main__ import main
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.support.paths import ROOT
from tests.system.chaos import canaries
from tests.system.power.__main__ import CANARIES as POWER_CANARIES


def is_wrong(mutant: Mutant) -> bool:
    """Whether its text is not in the file once, it changes nothing, or it names no tests."""
    tests = [(ROOT / test.partition("::")[0]).is_file() for test in mutant.tests]
    texts = (ROOT / mutant.file).read_text().count(mutant.old)
    return texts != 1 or mutant.new == mutant.old or not all(tests)


def test_what_a_mutant_changes_is_there_once() -> None:
    assert [mutant.guard for mutant in MUTANTS if is_wrong(mutant)] == []


def test_each_guard_has_a_name_of_its_own() -> None:
    names = Counter(mutant.guard for mutant in MUTANTS)
    assert [name for name, count in names.items() if count > 1] == []


def test_canaries_name_existing_guards() -> None:
    named = {guard for canary in canaries.CANARIES for guard in canary.guards} | {*POWER_CANARIES}
    assert named - {mutant.guard for mutant in MUTANTS} == set()


def test_a_text_that_no_guard_has_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise, pytest would be started without the names of tests, and would run all."""
    monkeypatch.setattr("sys.argv", ["mutants", "--only", "no guard has this"])
    monkeypatch.setattr("tests.mutants.__main__.run_tests", lambda *_, **__: pytest.fail("run"))
    with pytest.raises(SystemExit, match="has the text 'no guard has this'"):
        main()
