"""Functions as job types: their payloads, their calls, and their results."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runner.job_types import Context, Defaults, File, NotRetryable
from runner.job_types.registry.loader import PACKAGES, JobTypesError, find, load
from runner.pool.job_process.results import describe_traceback

HEADER = """
from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from runner.job_types import Context, File, JobError, NotRetryable, job


class Point(BaseModel):
    x: int
    y: int = 0


class Colour(enum.Enum):
    RED = "red"
"""
Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module of job types; returns its name."""
    name = f"functions_of_{tmp_path.name}"
    monkeypatch.syspath_prepend(tmp_path)

    def module(text: str) -> str:
        (tmp_path / f"{name}.py").write_text(HEADER + text)
        return name

    yield module
    sys.modules.pop(name, None)


def ask(module: str, type: str, upload: Any = None, **payload: Any) -> Any:
    """The result of a job."""
    request = {"job_id": "j1", "attempt": 2, "type": type, "payload": payload, "upload": upload}
    return json.loads(load([module])(json.dumps(request), lambda progress: None))


def test_the_parameters_are_the_fields_of_the_payload(write: Write) -> None:
    module = write("""
@job("resize")
def resize(
    width: Annotated[int, Field(ge=1, le=9, description="In pixels.")], mode: str = "fit"
) -> Any:
    '''Make an image smaller.

    More text.
    '''
    return [width, mode]
""")
    job_type = find([module])["resize"]
    assert (type(job_type).__doc__ or "").startswith("Make an image smaller.\n")
    assert job_type.Payload.model_json_schema() == {
        "title": "ResizePayload",
        "description": "Make an image smaller.",
        "type": "object",
        "additionalProperties": False,
        "required": ["width"],
        "properties": {
            "width": {
                "title": "Width",
                "description": "In pixels.",
                "type": "integer",
                "minimum": 1,
                "maximum": 9,
            },
            "mode": {"title": "Mode", "type": "string", "default": "fit"},
        },
    }
    assert ask(module, "resize", width=3) == [3, "fit"]
    assert ask(module, "resize", width=3, mode="crop") == [3, "crop"]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "width: it is required"),
        ({"width": "3"}, "width: it must be a whole number"),
        ({"width": 3, "height": 1}, "height: unknown field"),
        ({"width": 3, "day": "31.1.2030"}, "day: it must be a date such as 2030-01-31"),
        ({"width": 3, "day": 5}, "day: it must be a date such as 2030-01-31"),
        ({"width": 3, "size": [1]}, "size: it must have an item [1]"),
        ({"width": 3, "size": [1, "2"]}, r"size[1]: it must be a whole number"),
        ({"width": 3, "colour": "green"}, "colour: it must be 'red'"),
        ({"width": 3, "point": {"z": 1}}, "point.x: it is required"),
    ],
)
def test_an_invalid_payload_is_refused_with_the_name_of_the_field(
    write: Write, payload: dict[str, Any], message: str
) -> None:
    module = write("""
@job
def resize(
    width: int,
    day: date | None = None,
    size: tuple[int, int] = (1, 2),
    colour: Colour = Colour.RED,
    point: Point | None = None,
) -> Any: ...
""")
    with pytest.raises(ValidationError):
        find([module])["resize"].Payload.model_validate(payload)
    with pytest.raises(NotRetryable) as caught:
        ask(module, "resize", **payload)
    assert str(caught.value) == f"payload is not valid: {message}"


@pytest.mark.parametrize(
    ("annotation", "given", "shown"),
    [
        ("date", "2030-01-31", "datetime.date(2030, 1, 31)"),
        ("timedelta", "PT90S", "datetime.timedelta(seconds=90)"),
        ("UUID", "01a2107d-08cc-73f5-a3eb-bdc8e70382e5", None),
        ("Decimal", "1.10", "Decimal('1.10')"),
        ("tuple[int, ...]", [1, 2], "(1, 2)"),
        ("set[str]", ["a"], "{'a'}"),
        ("Colour", "red", "<Colour.RED: 'red'>"),
        ("Literal['a', 'b']", "b", "'b'"),
        ("Point", {"x": 1}, "Point(x=1, y=0)"),
        ("dict[str, list[Point]]", {"a": [{"x": 1}]}, "{'a': [Point(x=1, y=0)]}"),
        ("float", 1, "1.0"),
        ("int", 2**70, str(2**70)),
        ("int | str", "1", "'1'"),
        ("Any", {"a": [None]}, "{'a': [None]}"),
    ],
)
def test_values_have_the_types_of_the_annotations(
    write: Write, annotation: str, given: Any, shown: str | None
) -> None:
    module = write(f"""
@job("show")
def show(value: {annotation}) -> str:
    return repr(value)
""")
    assert ask(module, "show", value=given) == (shown or f"UUID('{given}')")


@pytest.mark.parametrize("value", ["\ud800", [[]] * 3], ids=["surrogate", "lists"])
def test_what_is_no_valid_json_is_a_validation_error(write: Write, value: Any) -> None:
    module = write("@job\ndef show(value: str) -> None: ...\n")
    with pytest.raises(ValidationError):
        find([module])["show"].Payload.model_validate({"value": value})


@pytest.mark.parametrize(
    "name", ["copy", "json", "schema", "model_config", "model_name", "_hidden", "self", "payload"]
)
def test_a_parameter_may_have_any_name(write: Write, name: str) -> None:
    module = write(f"""
@job("named")
def named({name}: int = 1) -> int:
    return {name}
""")
    assert list(find([module])["named"].Payload.model_json_schema()["properties"]) == [name]
    assert ask(module, "named", **{name: 5}) == 5
    assert ask(module, "named") == 1


def test_arguments_are_passed_by_position_and_by_name(write: Write) -> None:
    module = write("""
@job("mixed")
def mixed(a: int, context: Context, /, b: int, *, c: int = 3) -> Any:
    return [a, b, c, context.job_id, context.attempt]
""")
    assert ask(module, "mixed", a=1, b=2) == [1, 2, 3, "j1", 2]


def test_a_parameter_named_context_needs_no_annotation(write: Write) -> None:
    module = write("@job\ndef whoami(context):\n    return context.job_id\n")
    assert ask(module, "whoami") == "j1"


def test_a_file_is_read(write: Write, tmp_path: Path) -> None:
    module = write("""
@job("count")
def count(text: File) -> Any:
    return [text.name, text.size, len(text.read_bytes()), text.read_text()]
""")
    (tmp_path / "x").write_bytes(b"a\r\n\xc3\xa9")
    upload = {"path": str(tmp_path / "x"), "name": "a.txt", "size": 5}
    assert ask(module, "count", upload) == ["a.txt", 5, 5, "a\r\né"]
    with pytest.raises(NotRetryable, match="'count' needs an upload"):
        ask(module, "count")


def test_a_function_stays_a_function_that_tests_can_call(write: Write, tmp_path: Path) -> None:
    module = write("""
@job("count")
def count(text: File, times: int = 2) -> int:
    return len(text.read_text()) * times
""")
    find([module])
    (tmp_path / "x").write_text("abc")
    assert sys.modules[module].count(File(tmp_path / "x")) == 6
    assert File(tmp_path / "x").name == "x"


def test_a_coroutine_runs_in_a_loop_of_its_own_for_each_job(write: Write) -> None:
    module = write("""
@job("gather")
async def gather(n: int, context: Context) -> Any:
    async def one(k: int) -> int:
        await asyncio.sleep(0)
        context.report({"done": k})
        return k * k
    return await asyncio.gather(*(one(k) for k in range(n)))
""")
    assert [ask(module, "gather", n=3) for _ in range(2)] == [[0, 1, 4]] * 2


@pytest.mark.parametrize("prefix", ["", "async "])
def test_the_traceback_of_a_function_has_only_its_own_lines(write: Write, prefix: str) -> None:
    module = write(f"""
@job("fail")
{prefix}def fail() -> None:
    raise JobError("no luck")
""")
    with pytest.raises(Exception, match="no luck") as caught:
        ask(module, "fail")
    shown = (describe_traceback(caught.value) or b"").decode().splitlines()
    files = [line for line in shown if line.lstrip().startswith("File") and "tests/" not in line]
    assert len(files) == 1
    assert files[0].endswith(", in fail")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{'a': (1, None)}", {"a": [1, None]}),
        ("Point(x=1)", {"x": 1, "y": 0}),
        ("[Colour.RED, date(2030, 1, 31), Decimal('1.10')]", ["red", "2030-01-31", "1.10"]),
        ("{3}", [3]),
        ("None", None),
    ],
)
def test_results_are_turned_into_json(write: Write, value: str, expected: Any) -> None:
    assert ask(write(f"@job\ndef give() -> Any:\n    return {value}\n"), "give") == expected


@pytest.mark.parametrize(
    ("options", "value", "name"),
    [
        ("", "b'abc'", "result.bin"),
        ("('give', file_name='a.txt')", "bytearray(b'abc')", "a.txt"),
    ],
)
def test_returned_bytes_are_a_file_of_the_job(
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    value: str,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    module = write(f"@job{options}\ndef give() -> bytes:\n    return {value}\n")
    assert ask(module, "give") == {"files": [name]}
    assert [each.read_bytes() for each in tmp_path.glob(f"*/{name}")] == [b"abc"]


@pytest.mark.parametrize("name", ["", "..", "a/b", 5])
def test_the_name_of_the_file_of_returned_bytes_is_checked(write: Write, name: object) -> None:
    module = write(f"@job('a', file_name={name!r})\ndef a() -> bytes: ...\n")
    with pytest.raises(JobTypesError, match="file_name must be a name, as in"):
        find([module])


def test_a_returned_path_is_a_file_of_the_job(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = write("""
@job("give")
async def give(context: Context) -> list[Path]:
    Path("a.txt").write_text("abc")
    (context.files / "b.txt").write_text("d")
    return [Path("a.txt"), context.files / "b.txt", Path("a.txt")]  # once is enough
""")
    assert ask(module, "give") == {"files": ["a.txt", "b.txt"]}


def test_a_path_within_a_result_is_a_file_of_the_job_and_becomes_its_name(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = write("""
@job("give")
def give(context: Context) -> Any:
    Path("a.txt").write_text("abc")
    Path("pages").mkdir()
    Path("pages", "1").write_text("one")
    (context.files / "b.txt").write_text("b")
    day = date(2030, 1, 31)
    shown = [Path("pages"), day, Path("a.txt"), context.files / "b.txt"]
    return {1: Path("a.txt"), day: shown, "c": [Path("/etc/passwd"), Path("none"), (), {}]}
""")
    assert ask(module, "give") == {
        "1": "a.txt",
        "2030-01-31": ["pages", "2030-01-31", "a.txt", "b.txt"],
        "c": ["/etc/passwd", "none", [], {}],
    }
    found = {str(path.relative_to("stored-files")) for path in Path("stored-files").rglob("*")}
    assert found == {"a.txt", "b.txt", "pages", "pages/1"}


@pytest.mark.parametrize("value", ["Path('a')", "[Path('a'), Path('b')]", "(Path('a'),)"])
def test_returned_paths_are_passed_on(write: Write, value: str) -> None:
    module = write(f"@job\ndef give() -> Any:\n    return {value}\n")
    job_type = find([module])["give"]
    payload = job_type.Payload.model_validate({})
    result = job_type.run(payload, Context("j1", 1, None, print))
    assert all(isinstance(each, Path) for each in (result if "," in value else [result]))


@pytest.mark.parametrize(
    "value", ["object()", "float('nan')", "'\\ud800'", "[x := [], x.append(x)][0]"]
)
def test_a_result_that_json_cannot_hold_is_not_retried(write: Write, value: str) -> None:
    module = write(f"@job\ndef give() -> Any:\n    return {value}\n")
    with pytest.raises(NotRetryable, match=r"^result is not JSON: "):
        ask(module, "give")


def test_a_function_that_a_module_only_imports_is_not_found(write: Write, tmp_path: Path) -> None:
    module = write("from other_of_it import other\n@job\ndef mine() -> None: ...\nalias = mine\n")
    (tmp_path / "other_of_it.py").write_text(
        "from runner.job_types import job\n@job\ndef other() -> None: ...\n"
    )
    assert list(find([module])) == ["mine"]


def test_the_error_for_a_duplicate_name_names_both_functions(write: Write) -> None:
    module = write("@job('a')\ndef one() -> None: ...\n@job('a')\ndef two() -> None: ...\n")
    with pytest.raises(JobTypesError, match=rf"named 'a': {module}\.one and {module}\.two"):
        find([module])


def test_the_error_at_import_has_all_reasons(write: Write) -> None:
    module = write("@job\ndef resize(width, source: Path) -> None: ...\n")
    with pytest.raises(JobTypesError) as caught:
        find([module])
    assert str(caught.value).startswith(
        f"cannot import {module}: InvalidFunction: job type 'resize': parameter width: it has no "
        "annotation: write its type, as in width: int; parameter source: a payload is JSON"
    )


def test_load_is_called_once_by_a_worker_and_not_by_find(write: Write) -> None:
    module = write("""
loaded: list[str] = []

@job("predict", load=lambda: loaded.append("model"))
def predict() -> Any:
    return loaded
""")
    find([module])
    assert sys.modules[module].loaded == []
    assert ask(module, "predict") == ["model"]


def test_options_of_the_decorator_are_declarations_of_the_job_type(write: Write) -> None:
    module = write("@job('a', timeout=60, max_retries=3, version='2')\ndef a() -> None: ...\n")
    job_type = find([module])["a"]
    assert job_type.defaults == Defaults(timeout=60, max_retries=3)
    assert (job_type.version, job_type.isolation, job_type.network) == ("2", "caller", True)


def test_an_option_that_does_not_exist_is_refused(write: Write) -> None:
    module = write("@job('a', time_out=60)\ndef a() -> None: ...\n")
    expected = "job type 'a': @job has no option time_out; it has timeout, max_retries, "
    with pytest.raises(JobTypesError, match=expected):
        find([module])


def test_a_default_out_of_bounds_is_refused(write: Write) -> None:
    module = write("@job('a', max_retries=-1)\ndef a() -> None: ...\n")
    with pytest.raises(JobTypesError, match="max_retries must be a whole number from 0 to 100"):
        find([module])


def test_a_function_in_a_folder_that_is_no_job_type_is_reported_with_its_line(
    tmp_path: Path,
) -> None:
    (tmp_path / "fine.py").write_text("from runner.job_types import job\n@job\ndef fine(): ...\n")
    (tmp_path / "mine.py").write_text(
        "from runner.job_types import job\n\n@job\ndef mine(width): ...\n"
    )
    (tmp_path / "late.py").write_text(
        "from runner.job_types import job\n\n@job('late', timeout=0)\ndef late(): ...\n"
    )
    found = find([*PACKAGES, f"folder:{tmp_path}"])
    assert sorted(found) == ["analyze", "fine", "sleep"]
    late, mine = sorted(found.broken, key=lambda each: each.file)
    assert (mine.file, mine.line) == ("mine.py", 3)
    assert mine.reason.startswith("InvalidFunction: job type 'mine': parameter width: it has no")
    assert mine.remedy.startswith("change the signature of the function")
    assert (late.file, late.reason) == (
        "late.py",
        "defaults: timeout must be a number of seconds above 0 to 31622400",
    )
    assert late.line in (3, None)
