"""Functions that cannot become job types are refused at import, with a remedy."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from runner.job_types import Context, File, NotRetryable, job
from runner.job_types.functions.signature import InvalidFunction, read_signature


class Opaque:
    """A class that Pydantic cannot read."""


def no_annotation(width) -> None:  # type: ignore[no-untyped-def]
    pass


def any_number(*widths: int) -> None:
    pass


def any_name(**widths: int) -> None:
    pass


def a_path(source: Path) -> None:
    pass


def data(source: bytes) -> None:
    pass


def opaque(thing: Opaque) -> None:
    pass


def no_schema(thing: Callable[[], int]) -> None:
    pass


def wrong_default(width: int = "5") -> None:  # type: ignore[assignment]
    pass


def none_by_default(width: int = None) -> None:  # type: ignore[assignment] # noqa: RUF013
    pass


def below_its_bound(width: Annotated[int, Field(ge=1)] = 0) -> None:
    pass


def wrong_field_default(width: int = Field("5")) -> None:  # type: ignore[assignment]
    pass


def files_in_between(images: list[File], mask: File) -> None:
    pass


def file_with_default(image: File = File(Path(__file__))) -> None:  # noqa: B008
    pass


def yields(width: int) -> Iterator[int]:
    yield width


async def yields_too(width: int) -> AsyncIterator[int]:
    yield width


def undefined(width: "Undefined") -> None:  # type: ignore[name-defined] # noqa: F821
    pass


def not_an_annotation(width: "1 +") -> None:  # type: ignore[valid-type] # noqa: F722
    pass


def several(width, source: bytes, *more: int) -> None:  # type: ignore[no-untyped-def]
    pass


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_annotation, "parameter width: it has no annotation: write its type, as in width: int"),
        (any_number, "parameter widths: a job type cannot take any number of arguments"),
        (any_name, "parameter widths: a job type cannot take any number of arguments"),
        (a_path, "parameter source: a payload is JSON, which has no Path: write File for a file"),
        (data, "parameter source: a payload is JSON, which has no bytes: write File for a file"),
        (opaque, r"parameter thing: .*Opaque cannot be read from JSON: use a JSON type such as"),
        (no_schema, r"parameter thing: .*Callable.* has no JSON schema .*: use a JSON type such"),
        (wrong_default, "parameter width: its default is '5', but it must be a whole number"),
        (none_by_default, r"default is None, but it must be a whole number: write int \| None"),
        (below_its_bound, "parameter width: its default is 0, but it must be at least 1"),
        (wrong_field_default, "parameter width: its default is '5', but it must be a whole number"),
        (files_in_between, "parameter images: a list of files takes all that are left"),
        (file_with_default, "parameter image: the default of a file can only be None"),
        (yields, "it yields: return the result instead, and report progress by context.report"),
        (yields_too, "it yields: return the result instead"),
        (undefined, "an annotation names Undefined, which does not exist at this place"),
        (not_an_annotation, "its annotations cannot be evaluated: SyntaxError"),
        (Opaque, r"@job needs a function, made by def, not <class .*Opaque'>"),
        (len, "@job needs a function, made by def, not <built-in function len>"),
    ],
)
def test_a_function_of_which_no_job_type_can_be_made_is_refused(
    function: Any, message: str
) -> None:
    with pytest.raises(InvalidFunction, match=f"^job type 'mine': .*{message}"):
        job("mine")(function)
    assert not hasattr(function, "job_type")


def test_all_wrong_parameters_are_named_at_once() -> None:
    with pytest.raises(InvalidFunction) as caught:
        job("mine")(several)
    assert str(caught.value).count("parameter ") == 3


def test_a_name_must_be_a_text() -> None:
    wrong: Any = 5
    with pytest.raises(InvalidFunction, match="its name must be a text, as in"):
        job(wrong)


def test_a_valid_default_is_accepted() -> None:
    @dataclass
    class Point:
        x: int = 0

    def draw(
        day: date = date(2030, 1, 31),
        point: Point = Point(),  # noqa: B008
        size: tuple[int, int] = (1, 2),
        ratio: float = 1,
        names: list[str] = Field([], max_length=2),  # noqa: B008
        of_factory: list[str] = Field(default_factory=list),  # noqa: B008
        bounded: int = Field(ge=1),
        anything: Any = None,
        text: str | None = None,
    ) -> None:
        pass

    draw.__annotations__["point"] = Point  # it is local, and this module's annotations are not
    job("draw")(draw)


# Files


def none(context: Context) -> None:
    pass


def unannotated(context) -> None:  # type: ignore[no-untyped-def]
    pass


def one(image: File) -> None:
    pass


def maybe(image: File | None) -> None:
    pass


def by_default(image: File = None) -> None:  # type: ignore[assignment]
    pass


def two(before: File, after: Annotated[File, "any"], *, width: int) -> None:
    pass


def one_or_two(before: File, after: File | None = None) -> None:
    pass


def many(images: list[File]) -> None:
    pass


def also_many(images: tuple[File, ...], /) -> None:
    pass


def any_many(images: list[File] | None = None) -> None:
    pass


def first_and_many(first: File, others: list[File] | None) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "upload"),
    [
        (none, "none"),
        (unannotated, "none"),
        (one, "required"),
        (maybe, "optional"),
        (by_default, "optional"),
        (two, "required"),
        (one_or_two, "required"),
        (many, "required"),
        (also_many, "required"),
        (any_many, "optional"),
        (first_and_many, "required"),
    ],
)
def test_the_parameters_say_whether_a_job_needs_a_file(function: Any, upload: str) -> None:
    assert read_signature("mine", function).upload == upload


def passed(function: Callable[..., Any], *names: str) -> Any:
    """The names of the files that each parameter gets."""
    signature = read_signature("mine", function)
    files = [File(Path(name), name, 0) for name in names]
    context = Context("j", 1, None, print)
    by_position, by_name = signature.arguments({"width": 1}, context, files)
    got = [*by_position, *(by_name[each.name] for each in signature.files if each.name in by_name)]
    return [
        each.name if isinstance(each, File) else each and [inner.name for inner in each]
        for each in got
    ]


@pytest.mark.parametrize(
    ("function", "names", "expected"),
    [
        (one, ["a"], ["a"]),
        (maybe, [], [None]),
        (maybe, ["a"], ["a"]),
        (by_default, [], [None]),
        (two, ["a", "b"], ["a", "b"]),
        (one_or_two, ["a"], ["a", None]),
        (one_or_two, ["a", "b"], ["a", "b"]),
        (many, ["a", "b", "c"], [["a", "b", "c"]]),
        (also_many, ["a"], [["a"]]),
        (any_many, [], [[]]),
        (first_and_many, ["a"], ["a", []]),
        (first_and_many, ["a", "b", "c"], ["a", ["b", "c"]]),
    ],
)
def test_files_are_passed_in_their_order(function: Any, names: list[str], expected: Any) -> None:
    assert passed(function, *names) == expected


@pytest.mark.parametrize(
    ("function", "names", "message"),
    [
        (one, [], "it takes these files in this order: image; it got none"),
        (one, ["a", "b"], "it takes these files in this order: image; it got 'a', 'b'"),
        (two, ["a"], "it takes these files in this order: before, after; it got 'a'"),
        (
            many,
            [],
            r"it takes these files in this order: images \(any number, at least one\); it got none",
        ),
        (none, ["a"], "it takes no file; it got 'a'"),
    ],
)
def test_too_few_or_too_many_files_fail_a_job(
    function: Any, names: list[str], message: str
) -> None:
    with pytest.raises(NotRetryable, match=f"^{message}$"):
        passed(function, *names)
