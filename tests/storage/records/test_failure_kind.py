"""Kinds of failures: which errors belong together."""

import json
import time

import pytest

from storage.records.failure_kind import (
    MAX_MESSAGE_LENGTH,
    FailureKind,
    error_texts,
    failure_kind,
    masked,
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no file 12 in job 7", "no file # in job #"),
        ("job 6af1b43d-0c9e-7abc-8def-0123456789ab is gone", "job # is gone"),
        ("at 0x7f3a9c is 1.5 of 2,000,000", "at # is # of #"),
        ("commit deadbeef01 of worker12", "commit # of worker#"),
        ("upload id_0123456789abcdef", "upload id_#"),
        ("request 01ARZ3NDEKTSV4RRFFQ69G5FAV failed", "request # failed"),
        ("timed out after 300000ms", "timed out after #ms"),
        ("-5 is below 0, not 3-4", "# is below #, not #-#"),
        ("2030-01-31T12:00:00Z", "#-#-#T#Z"),
        ("10.0.0.1:5432 refused", "# refused"),
        ("utf-8 and HTTP/1.1", "utf-# and HTTP/#"),
        ("first\n   second\tthird ", "first second third"),
        ("KeyError: 'customer'", "KeyError: 'customer'"),
        ("facade decade", "facade decade"),
        ("", ""),
    ],
)
def test_numbers_and_ids_are_masked_and_words_are_not(message: str, expected: str) -> None:
    assert masked(message) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("9 of 10", "100 of 1000"),
        ("worker9 and customer9", "worker10 and customer1000"),
        ("id 12345678", "id 1234abcd"),
        ("after 9ms", "after 1234567890ms"),
        ("of 99.5 s", "of 1,000 s"),
    ],
)
def test_messages_that_differ_in_numbers_and_ids_are_alike(one: str, other: str) -> None:
    assert masked(one) == masked(other)


def test_a_long_message_is_cut_and_read_in_linear_time() -> None:
    assert len(masked("a b" * 10**6)) == MAX_MESSAGE_LENGTH
    for text in ("a" * 10**6, "1a" * 10**6, "-1.1:" * 10**6, "a1" * 10**6, "abcdefab-" * 10**6):
        began = time.process_time()
        masked(text)
        assert time.process_time() - began < 1


def test_the_key_of_a_kind_never_changes() -> None:
    """Clients keep keys, and several releases run side by side."""
    assert FailureKind("sleep", "ValueError", "no file #").key == "ccf848fc95fc017f"
    kinds = {
        FailureKind(*texts).key
        for texts in (("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("a", "", "bc"))
    }
    assert len(kinds) == 4


@pytest.mark.parametrize(
    "error",
    [None, "", "{", "null", "[1]", '"text"', "[" * 10**5, '{"type": 3, "message": null}', "{}"],
)
def test_an_unreadable_error_has_empty_texts(error: str | None) -> None:
    assert error_texts(error) == ("", "")


def test_half_a_surrogate_pair_is_replaced() -> None:
    kind = failure_kind("sleep", json.dumps({"type": "Bad\ud800", "message": "\udc00 is 5"}))
    assert (kind.error_type, kind.message) == ("Bad?", "? is #")
    assert kind.key
