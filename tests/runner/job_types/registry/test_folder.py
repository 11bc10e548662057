"""Job types that are files in a folder."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.job_types.base import NotRetryable
from runner.job_types.registry.found import JobTypes
from runner.job_types.registry.loader import PACKAGES, find, load
from tests.support.type_folder import BROKEN, forgotten_modules, job_type, write_broken


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of job types. Modules that are imported from it are forgotten."""
    folder = tmp_path / f"types_of_{tmp_path.name}"
    folder.mkdir()
    with forgotten_modules():
        yield folder


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobTypes]:
    """The job types in a folder with every kind of broken file, and one file that works."""
    folder = tmp_path_factory.mktemp("broken") / "types_of_many"
    folder.mkdir()
    write_broken(folder)
    (folder / "works.py").write_text(job_type("works"))
    with forgotten_modules():
        yield find([*PACKAGES, f"folder:{folder}"])


def found_in(folder: Path, *more: str) -> JobTypes:
    return find([*PACKAGES, *more, f"folder:{folder}"])


def own(types: JobTypes) -> dict[str, str]:
    """The files of the job types that are not built in."""
    return {name: origin.file for name, origin in types.origins.items() if origin.file}


def ask(type: str) -> str:
    return json.dumps({"job_id": "j1", "attempt": 1, "type": type, "payload": {}, "upload": None})


def test_each_python_file_and_package_in_a_folder_is_found(folder: Path) -> None:
    (folder / "one.py").write_text(job_type("a"))
    (folder / "two").mkdir()
    (folder / "two" / "__init__.py").write_text(job_type("b"))
    for name in ("_helper.py", ".hidden.py", "notes.txt"):
        (folder / name).write_text("raise SystemExit")
    (folder / "data").mkdir()
    types = found_in(folder)
    assert own(types) == {"a": "one.py", "b": "two/__init__.py"}
    assert (types.broken, types.origins["a"].kind) == ([], "folder")


def test_a_link_that_leads_nowhere_is_reported(folder: Path) -> None:
    (folder / "lost.py").symlink_to(folder / "moved_away.py")
    (broken,) = found_in(folder).broken
    assert (broken.file, "No such file" in broken.reason) == ("lost.py", True), broken


def test_a_folder_that_is_empty_or_missing_has_no_job_types(folder: Path) -> None:
    assert own(found_in(folder)) == own(found_in(folder / "missing")) == {}


def test_files_of_a_folder_can_import_each_other(folder: Path) -> None:
    (folder / "shared.py").write_text("WORD = 'hello'\n")
    (folder / "plain.py").write_text("from shared import WORD\n" + job_type("a", "return WORD"))
    (folder / "relative.py").write_text("from .shared import WORD\n" + job_type("b", "return WORD"))
    types = [*PACKAGES, f"folder:{folder}"]
    assert own(find(types)) == {"a": "plain.py", "b": "relative.py"}
    assert [load(types)(ask(name), print) for name in "ab"] == ['"hello"'] * 2


def test_a_file_may_have_the_name_of_a_module_of_python(folder: Path) -> None:
    (folder / "json.py").write_text("import json as real\n" + job_type("a", "return real.dumps(1)"))
    assert load([f"folder:{folder}"])(ask("a"), print) == '"1"'


def test_a_folder_may_have_the_name_of_an_installed_package(tmp_path: Path) -> None:
    folder = tmp_path / "pydantic"
    folder.mkdir()
    (folder / "mine.py").write_text(job_type("a"))
    with forgotten_modules():
        assert own(found_in(folder)) == {"a": "mine.py"}
        assert sys.modules["pydantic"].__file__ != str(folder)


def test_a_module_that_is_named_and_in_the_folder_is_found_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "one.py").write_text(job_type("a"))
    monkeypatch.syspath_prepend(folder.parent)
    types = found_in(folder, folder.name)
    assert (list(types), types.broken) == (["analyze", "sleep", "a"], [])
    assert types.origins["a"].kind == "package"


def test_of_two_files_with_one_name_the_first_counts(folder: Path) -> None:
    (folder / "one.py").write_text(job_type("a"))
    (folder / "two.py").write_text(job_type("a"))
    types = found_in(folder)
    (broken,) = types.broken
    assert own(types) == {"a": "one.py"}
    assert (broken.place, broken.name) == ("two.py:3", "a")
    assert broken.reason == "the name 'a' is taken by one.py"


def test_a_file_can_replace_a_built_in_job_type(folder: Path) -> None:
    (folder / "one.py").write_text(job_type("sleep"))
    types = found_in(folder, "-sleep")
    assert (own(types), types.broken) == ({"sleep": "one.py"}, [])


def test_a_second_search_among_what_was_found_tries_nothing(folder: Path) -> None:
    (folder / "one.py").write_text(job_type("a"))
    (folder / "two.py").write_text("raise ValueError")
    types = found_in(folder)
    assert types.packages == [*PACKAGES, f"file:{folder}/one.py"]
    assert own(find(types.packages)) == {"a": "one.py"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_does_not_work_is_reported_once_with_its_line(
    found: JobTypes, name: str
) -> None:
    _, line, reason, remedy = BROKEN[name]
    (broken,) = [each for each in found.broken if each.file == f"{name}.py"]
    assert (broken.origin, broken.line) == ("folder", line)
    assert reason in broken.reason
    assert remedy in broken.remedy
    assert "\n" not in broken.text


@pytest.mark.heavy
@pytest.mark.parametrize(
    "definition",
    [
        '@job("re-size", timeout=60)\ndef anything(x: int): ...',
        "@job\ndef resize(x: int): ...",
        "@job_types.job(timeout=60)  # slow\nasync def resize((x: int): ...",
        "class Resize(JobType[Input]):\n    name = 're-size'",
        'class Resize(JobType[Input]):\n    name: str = "resize"',
    ],
)
def test_a_file_that_cannot_be_loaded_stands_for_the_job_types_in_its_text(
    folder: Path, definition: str
) -> None:
    name = "re-size" if "re-size" in definition else "resize"
    (folder / "images.py").write_text(f"import no_such_package\n{definition}\n")
    types = found_in(folder)
    broken = types.broken_for(name)
    assert broken is not None
    assert broken.file == "images.py"
    assert types.broken_for("crop") is None
    assert types.broken_for("x") is None


def test_a_job_type_that_does_not_work_stands_only_for_itself(folder: Path) -> None:
    (folder / "one.py").write_text(job_type("a"))
    (folder / "two.py").write_text(job_type("a") + job_type("b", cls="Other"))
    types = found_in(folder)
    assert types.broken_for("a") is not None
    assert types.broken_for("b") is None


def test_all_other_files_work_beside_those_that_do_not(found: JobTypes) -> None:
    assert own(found) == {"works": "works.py"}
    assert sorted(found) == ["analyze", "sleep", "works"]


@pytest.mark.heavy
def test_an_import_that_does_not_end_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.job_types.registry.survey.EACH_SECONDS", 2)
    (folder / "loops.py").write_text("x = 1\nwhile True: pass\n")
    (folder / "sleeps.py").write_text("import time\ntime.sleep(1000)\n")
    (folder / "works.py").write_text(f"import time\ntime.sleep(1)\n{job_type('works')}")
    types = found_in(folder)
    assert own(types) == {"works": "works.py"}
    assert [broken.place for broken in types.broken] == ["loops.py:2", "sleeps.py:2"]
    assert {broken.reason for broken in types.broken} == {"its import takes more than 2 s"}


def test_imports_that_do_not_end_cannot_delay_the_start_without_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.job_types.registry.survey.EACH_SECONDS", 0.5)
    monkeypatch.setattr("runner.job_types.registry.survey.ALL_SECONDS", 0)
    for name in ("a", "b", "c"):
        (folder / f"{name}.py").write_text("while True:\n    pass\n")
    reasons = [broken.reason for broken in found_in(folder).broken]
    late = "it was not tried, because the imports of other files took too long"
    assert reasons == ["its import takes more than 0.5 s", late, late]


def test_a_job_whose_type_does_not_work_in_this_worker_is_told_why(folder: Path) -> None:
    (folder / "re_size.py").write_text("x = 1\nraise ValueError('no')\n")
    entry = load([*PACKAGES, f"folder:{folder}"])
    expected = (
        r"the job type 're-size' does not work in this worker: re_size.py:2: ValueError: no; "
    )
    with pytest.raises(NotRetryable, match=expected):
        entry(ask("re-size"), print)
    with pytest.raises(NotRetryable, match="there is no job type 'other' in this worker"):
        entry(ask("other"), print)


def test_a_job_type_whose_load_fails_is_left_out_and_reported(folder: Path) -> None:
    load_method = "\n    def load(self):\n        raise OSError('no model')\n"
    (folder / "one.py").write_text(job_type("a") + load_method)
    (folder / "two.py").write_text(job_type("b"))
    entry = load([f"folder:{folder}"])
    assert entry(ask("b"), print) == "null"
    with pytest.raises(NotRetryable, match=r"one\.py:12: its method load failed"):
        entry(ask("a"), print)
    assert [note["file"] for note in entry.notes] == ["one.py:12"]


def test_an_import_that_exits_only_after_its_trial_is_reported(folder: Path) -> None:
    (folder / "exits.py").write_text(
        "import pathlib, sys\n"
        "flag = pathlib.Path(__file__ + '.tried')\n"
        "flag.exists() and sys.exit(3)\n"
        "flag.touch()\n"
    )
    (folder / "works.py").write_text(job_type("works"))
    types = found_in(folder)
    assert own(types) == {"works": "works.py"}
    assert [broken.place for broken in types.broken] == ["exits.py:3"]
