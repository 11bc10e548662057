"""How well templates are found: grouping accuracy on the labelled corpus."""

from collections.abc import Sequence
from statistics import fmean

import pytest

from tests.support.loganalysis.log_corpus.accuracy import grouping_accuracy, templates_of_lines
from tests.support.loganalysis.log_corpus.corpus import FORMATS, HELD_BACK, make_log

KNOWN = [name for name in FORMATS if name not in HELD_BACK]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("names", "least"), [(KNOWN, 0.96), (HELD_BACK, 0.85)], ids=["known", "held-back"]
)
def test_lines_of_one_message_are_grouped(names: Sequence[str], least: float) -> None:
    accuracy = {}
    for name in names:
        lines, labels = make_log(name)
        accuracy[name] = grouping_accuracy(templates_of_lines(lines), labels)
    assert fmean(accuracy.values()) >= least, accuracy


def test_the_corpus_is_the_same_each_time() -> None:
    assert len(FORMATS) >= 100
    assert make_log("sshd", 20) == make_log("sshd", 20)


def test_a_group_counts_only_if_it_is_exactly_a_labelled_group() -> None:
    assert grouping_accuracy("aabbc", "xxyyz") == 1.0
    assert grouping_accuracy("aabbb", "xxyyz") == 0.4
    assert grouping_accuracy("abccc", "xxyyy") == 0.6
