"""Regexes whose matches have one length: how they are recognized, and that `re` finds the same."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stringzilla import Str

from loganalysis.match import fixed_length
from loganalysis.match.fixed_length import fixed_length_regex

atoms = st.sampled_from(["a", "b", "ab", "ab", r"\d", "[ab]", "[ab]{2}", "[a-b1]", "a{2}", "1"])
regexes = st.tuples(
    st.lists(atoms, min_size=2, max_size=4).map("".join), st.sampled_from(["", "+"])
).map("".join)
texts = st.lists(st.sampled_from(["ab", "a", "b", "1", "abab", "-"]), max_size=40).map("".join)


@pytest.mark.heavy
@settings(database=None, deadline=None, max_examples=1000)
@given(regexes, texts, st.integers(0, 9), st.integers(0, 9))
def test_the_same_matches_are_found_as_by_re(text: str, data: str, before: int, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixed_length, "_MIN_KEY_BYTES", 1)
        patch.setattr(fixed_length, "_BATCH_MATCHES", 2)
        regex, end = fixed_length_regex(text), max(len(data) - after, before)
        if regex is not None:
            searched = Str(bytearray(data.encode()))
            starts = [at for found in regex.starts(searched, before, end) for at in found]
            part = re.compile(text, re.ASCII).finditer(data, before, end)
            assert starts == [match.start() for match in part]


@pytest.mark.parametrize(
    ("text", "key", "at", "size"),
    [
        ("error", b"error", 0, 5),
        (r"user\d{4} logged in", b" logged in", 8, 18),
        (r'HTTP/1\.1" 50[03] \d+', b'HTTP/1.1" 50', 0, 15),
        (r"[\w-]{3}[\]x]größe", "größe".encode(), 4, 11),
        (r"\[[a-z\-_]\]\.log\s", b"].log", 2, 8),
        ("aaa[bc]da", b"da", 4, 6),  # a literal that overlaps itself cannot be the key
    ],
)
def test_the_key_is_the_longest_literal(text: str, key: bytes, at: int, size: int) -> None:
    regex = fixed_length_regex(text)
    assert regex is not None
    assert (regex.key, regex.key_at, len(regex.sets)) == (key, at, size)


@pytest.mark.parametrize(
    "text",
    [
        *(r"abc\d+x", "abc?", "abc*", "ab{2,3}c", "ab{0}cde", "abc{99}", "(abc)", "abc|def"),
        *("^abc", "abc$", r"abc\b", r"abc[^d]", r"abc\D", r"abc[[:alpha:]]", "abc[ä]", "abc\n"),
        *(r"(?i)abc", r"\Qabc\E", r"\x41bcd", r"\pLabc", r"a\d", r"[a-c]{9}", "abca+", "abc."),
        *(r"\dabc\d+", "aaa", "", "abc{}", "abc++", "+abc", "a" * 65),
    ],
)
def test_other_regexes_are_left_to_re2(text: str) -> None:
    assert fixed_length_regex(text) is None
