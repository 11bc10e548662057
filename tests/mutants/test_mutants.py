"""The list of guards goes with the code: what each mutant changes is there, once."""

from collections import Counter

import pytest

from tests.mutants.__main__ import main
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.support.paths import ROOT
from tests.system.chaos import canaries
from tests.system.power.__main__ import CANARIES as POWER_CANARIES


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard.replace(" ", "-"))
def test_what_a_mutant_changes_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old
    for test in mutant.tests:
        assert (ROOT / test.partition("::")[0]).is_file()


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
