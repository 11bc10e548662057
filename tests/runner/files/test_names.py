"""The names that files of jobs may have."""

import pytest

from runner.files.names import MAX_LEVELS, InvalidFiles, Names, problem_of

GOOD = [
    "a",
    "report.pdf",
    "pages/1.png",
    ".hidden",
    "...",
    "a..b",
    "ü ☃ 名.txt",
    "👩‍👩‍👧.png",
    "x" * 255,
    "ü" * 127,
    "/".join("a" * MAX_LEVELS),
]
BAD = [
    ("", "is empty, . or .."),
    (".", "is empty, . or .."),
    ("..", "is empty, . or .."),
    ("../a", "is empty, . or .."),
    ("a/../b", "is empty, . or .."),
    ("a//b", "is empty, . or .."),
    ("/etc/passwd", "is empty, . or .."),
    ("a/", "is empty, . or .."),
    ("a\0b", "the character '\\x00'"),
    ("a\nb", "the character '\\n'"),
    ("a\x1b[31m", "the character '\\x1b'"),
    ("a\x85", "the character '\\x85'"),
    ("a\u2028b", "the character '\\u2028'"),
    ("a\u202egpj.exe", "the character '\\u202e'"),
    ("a\\b", "the character '\\\\'"),
    ("a\udcffb", "not UTF-8"),
    ("x" * 256, "256 bytes"),
    ("x" * 300, "300 bytes"),
    ("ü" * 128, "256 bytes"),
    ("/".join("a" * (MAX_LEVELS + 1)), "in more than 15 folders"),
]


@pytest.mark.parametrize("name", GOOD)
def test_plain_relative_paths_are_names(name: str) -> None:
    assert problem_of(name) is None
    Names().check(name)


@pytest.mark.parametrize(("name", "problem"), BAD)
def test_other_texts_are_refused_with_the_reason(name: str, problem: str) -> None:
    with pytest.raises(InvalidFiles) as raised:
        Names().check(name)
    message = str(raised.value)
    assert problem in message
    assert len(message) < 400
    assert message.isprintable()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.txt", "A.txt"),
        ("straße", "STRASSE"),
        ("\u00e9", "e\u0301"),
        ("a/x", "A/y"),
        ("a/b/c", "a/B/d"),
        ("a", "A/b"),
    ],
)
def test_names_that_are_one_elsewhere_are_refused(first: str, second: str) -> None:
    for pair in ((first, second), (second, first)):
        names = Names()
        names.check(pair[0])
        with pytest.raises(InvalidFiles, match=r"differs from .* only in case or"):
            names.check(pair[1])


def test_a_folder_that_collides_is_named() -> None:
    names = Names()
    names.check("A/x")
    with pytest.raises(InvalidFiles, match=r"'a/y': its folder 'a' differs from 'A' only in case"):
        names.check("a/y")


def test_names_in_one_folder_do_not_collide() -> None:
    names = Names()
    for name in ("a/x", "a/y", "a/b/x", "ab", "a.x"):
        names.check(name)
