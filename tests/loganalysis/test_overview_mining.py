"""Headers and templates of lines in formats that are not listed."""

from collections.abc import Sequence
from random import Random
from string import ascii_lowercase

import pytest

from loganalysis.templates.mine import mine
from loganalysis.templates.overview import text_of
from loganalysis.templates.shapes import shape_of
from tests.support.loganalysis.log_corpus.accuracy import templates_of_lines

SERVICES = [
    "Print Spooler",
    "Windows Update",
    "Web",
    "Remote Desktop",
    "Old Secure Archive",
    "Time",
]
USERS = ["alice", "bob", "carol", "dave", "erin", "frank"]
EVENTS = ["started after a reload", "stopped by its owner", "lost the connection", "is idle again"]


def templates(lines: Sequence[str]) -> set[str]:
    found = templates_of_lines([line.encode() for line in lines])
    return {text_of(words) for words in found}


def test_a_name_of_one_word_or_several_is_a_value() -> None:
    lines = [f"The {name} service entered the running state" for name in SERVICES]
    assert templates(lines) == {"The <*> service entered the running state"}


def test_texts_of_several_words_that_begin_alike_are_no_values() -> None:
    lines = [f"Failed password for {user} from 10.0.0.1 port 5" for user in USERS]
    lines += [f"Failed password for invalid user {user} from 10.0.0.1 port 5" for user in USERS]
    assert templates(lines) == {
        "Failed password for <*> from <*> port <*>",
        "Failed password for invalid user <*> from <*> port <*>",
    }


def test_few_texts_in_a_place_are_different_templates() -> None:
    names = ["Print Spooler", "Windows Update", "Remote Desktop", "Old Secure Archive"]
    assert len(templates([f"The {name} service entered the running state" for name in names])) == 4


def test_different_ends_are_different_templates_unless_they_are_enclosed() -> None:
    ends = [
        "no route",
        "timed out after a while",
        "refused",
        "broken pipe",
        "reset by peer",
        "lost",
    ]
    assert len(templates([f"Now we cannot reach it: {end}" for end in ends])) > 1
    assert templates([f"Now we cannot reach it and raise Error('{end}')" for end in ends]) == {
        "Now we cannot reach it and raise <*>"
    }


def test_names_before_the_same_messages_belong_to_the_header() -> None:
    lines = [
        f"{number} {name} {name}.state {number * 7} {event}"
        for number in range(30)
        for name in ("node", "switch")
        for event in EVENTS
    ]
    assert templates(lines) == set(EVENTS)


def test_words_before_few_common_messages_are_kept() -> None:
    lines = [
        f"{verb} job {number} on behalf of its owner"
        for number in range(30)
        for verb in ("Starting", "Stopping")
    ]
    assert templates(lines) == {
        "Starting job <*> on behalf of its owner",
        "Stopping job <*> on behalf of its owner",
    }


def test_a_dash_ends_the_header_behind_any_number_of_words() -> None:
    lines = [
        f"[10.30 16:49:{number}] {program} - {event}"
        for number in range(10, 40)
        for program in ("chrome.exe", "chrome.exe *64", "mail.exe")
        for event in EVENTS
    ]
    assert templates(lines) == set(EVENTS)


def test_a_component_in_parentheses_may_follow_a_name_with_a_colon() -> None:
    lines = [
        f"2026-11-25 01:02:{number} host app[{number}]: ({part}) {event}"
        for number in range(10, 40)
        for part in ("ui", "net")
        for event in EVENTS
    ]
    assert templates(lines) == set(EVENTS)


def test_columns_between_semicolons_belong_to_the_header() -> None:
    lines = [
        f"11/25/2026 01:02:{number};{part};{event}"
        for number in range(10, 40)
        for part in ("spooler", "device")
        for event in EVENTS
    ]
    assert templates(lines) == set(EVENTS)


@pytest.mark.parametrize(
    ("values", "template"),
    [
        (["17 bytes", "3.20 KB", "5 MiB", "900 kB"], "Sent <*> to the client"),
        (["1301 bytes (1.27 KB)", "17 bytes"], "Sent <*> to the client"),
        (["<1 sec", "00:12", "17 ms", "3 hours"], "Sent <*> to the client"),
        (["1", "1 2 3", "1, 2, 3, 4", "5 6 7 8 9"], "Sent <*> to the client"),
    ],
)
def test_a_quantity_or_a_list_is_one_value(values: Sequence[str], template: str) -> None:
    assert templates([f"Sent {value} to the client" for value in values]) == {template}


def test_a_unit_that_all_lines_have_is_shown() -> None:
    assert templates(["took 17 ms for alice", "took 5 ms for alice"]) == {"took <*> ms for alice"}


def test_a_word_after_a_number_that_is_no_unit_is_kept() -> None:
    assert templates(["Read 5 buses now", "Read 6 secrets now"]) == {
        "Read <*> buses now",
        "Read <*> secrets now",
    }


def test_a_word_that_nearly_all_lines_have_is_constant() -> None:
    shapes = {
        shape_of(b"open through the proxy HTTPS"): 990,
        shape_of(b"open through the proxy SOCKS5"): 2,
    }
    assert len(set(mine(shapes).values())) == 2
    shapes[shape_of(b"open through the proxy SOCKS5")] = 400
    assert len(set(mine(shapes).values())) == 1


def test_thousands_of_random_shapes_are_mined_without_an_error() -> None:
    rng = Random(5)
    alphabet = ascii_lowercase[6:] + " -:;|()[]<>'\",=."
    lines = ["".join(rng.choices(alphabet, k=rng.randrange(200))).encode() for _ in range(1000)]
    found = mine({shape_of(line): 1 for line in lines})
    assert set(found) == {shape_of(line) for line in lines}
