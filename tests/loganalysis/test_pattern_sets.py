"""Built-in pattern sets: each pattern matches its line, and is found by a fast engine."""

from collections import Counter
from pathlib import Path

import pytest

from loganalysis import BUILT_IN, AnalysisRequest
from loganalysis.match.patterns import Combination, Literal, prepare
from loganalysis.pattern_sets.pattern import BuiltInSet
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from server.api.pattern_sets.documents import MAX_SET_PATTERNS, PatternSetBody
from storage.records.queue_name import is_queue_name
from tests.support import pattern_sets_page

SETS = pytest.mark.parametrize("found", BUILT_IN.values(), ids=lambda found: found.name)


def payload(found: BuiltInSet) -> AnalysisRequest:
    """An analysis with the patterns of a set, as a listener would build it."""
    return AnalysisRequest.model_validate({"patterns": [p.document() for p in found.patterns]})


def test_these_sets_are_built_in() -> None:
    assert sorted(BUILT_IN) == [
        "java-exceptions",
        "kernel",
        "nginx",
        "postgres",
        "python-tracebacks",
        "sshd",
    ]
    assert all(is_queue_name(name) for name in BUILT_IN)


@SETS
def test_a_set_could_be_saved_under_another_name(found: BuiltInSet) -> None:
    documents = [dict(each.document()) for each in found.patterns]
    PatternSetBody.model_validate({"patterns": documents, "description": found.description})
    assert 10 <= len(documents) <= MAX_SET_PATTERNS
    assert found.description


def test_all_names_are_different_so_that_sets_can_be_combined() -> None:
    names = Counter(each.name for found in BUILT_IN.values() for each in found.patterns)
    assert names.most_common(1)[0][1] == 1


@SETS
def test_each_pattern_matches_its_line_and_not_the_one_that_looks_alike(
    found: BuiltInSet, tmp_path: Path
) -> None:
    patterns = payload(found).analysis_patterns()
    for each in found.patterns:
        file = tmp_path / "app.log"
        file.write_text(f"{each.other}\nquiet\n{each.match}\n")
        result = analyze(file, patterns, AnalysisOptions(), lambda progress: None)
        lines = result.partial.results[found.patterns.index(each)]
        assert (lines.count, lines.matching_lines, lines.first_line) == (1, 1, 3), each.name


@SETS
def test_no_pattern_needs_a_regex_engine(found: BuiltInSet) -> None:
    """Texts are found by the kernel, all in one pass, and other regexes by a literal in them."""
    for each in prepare(payload(found).analysis_patterns()):
        if isinstance(each, Combination):
            assert all(isinstance(member, Literal) for member in each.members)
        elif not isinstance(each, Literal):
            assert each.fixed_length is not None, each.source


def test_the_page_shows_the_sets() -> None:
    current = pattern_sets_page.PAGE.read_text() == pattern_sets_page.page()
    assert current, "run `make docs`"
