"""Guards of the overview."""

from tests.mutants.mutant import Mutant

_TESTS = ("tests/analysis/test_overview.py",)
_MINING = ("tests/analysis/test_overview_mining.py",)

OVERVIEW = (
    Mutant(
        "a table of shapes keeps its maximum",
        "runner/analysis/overview/table.py",
        "while len(self.shapes) > self._max_shapes and",
        "while False and",
        _TESTS,
    ),
    Mutant(
        "bins become wider",
        "runner/analysis/overview/bins.py",
        "while len(numbers) > MAX_BINS and",
        "while False and",
        ("tests/analysis/test_overview_kernel.py",),
    ),
    Mutant(
        "a line without a time is in no bin",
        "runner/analysis/overview/kernel_counter.py",
        "found.first_time != _NO_TIME",
        "True",
        ("tests/analysis/test_overview_kernel.py",),
    ),
    Mutant(
        "tables have one level before they are merged",
        "runner/analysis/overview/table.py",
        "        self._coarsen(level, width)\n",
        "",
        _TESTS,
    ),
    Mutant(
        "lines of a later part are numbered behind the earlier ones",
        "runner/analysis/overview/table.py",
        "shape.first_line += self.lines",
        "shape.first_line += 0",
        _TESTS,
    ),
    Mutant(
        "a line that a window cuts is joined",
        "runner/analysis/overview/collector.py",
        "if self._is_in_line:\n            start",
        "if False:\n            start",
        _TESTS,
    ),
    Mutant(
        "lines outside of the times count for line numbers of the overview",
        "runner/analysis/count/scanner.py",
        "self._collector.skip_lines(newlines)",
        "pass",
        _TESTS,
    ),
    Mutant(
        "few lines make no burst",
        "runner/analysis/overview/bursts.py",
        "if burst.count >= MIN_COUNT\n",
        "if burst.count\n",
        _TESTS,
    ),
    Mutant(
        "most of the time is no burst",
        "runner/analysis/overview/bursts.py",
        "and (burst.end - burst.start) * 2 < size",
        "",
        _TESTS,
    ),
    Mutant(
        "a number after a word is no status",
        "runner/analysis/overview/shapes.py",
        "return self._is_access or any(",
        "return True or any(",
        _TESTS,
    ),
    Mutant(
        "texts that begin alike are no values",
        "runner/analysis/overview/spans.py",
        "return all(len(words) > 2 and 2 * len(words) > len(long) for words in ends)",
        "return True",
        _MINING,
    ),
    Mutant(
        "a value of several words has constant words behind it, or is enclosed",
        "runner/analysis/overview/spans.py",
        "behind or _ENCLOSED.fullmatch",
        "True or _ENCLOSED.fullmatch",
        _MINING,
    ),
    Mutant(
        "few texts are no values",
        "runner/analysis/overview/spans.py",
        "if numbers[place] > MAX_BRANCHES:",
        "if numbers[place] > 2:",
        _MINING,
    ),
    Mutant(
        "a beginning of few templates is no header",
        "runner/analysis/overview/prefixes.py",
        "number >= MIN_SHARED",
        "number >= 1",
        _MINING,
    ),
    Mutant(
        "a header ends at a dash",
        "runner/analysis/overview/headers.py",
        "return len(places) > 1 and",
        "return False and",
        _MINING,
    ),
    Mutant(
        "a unit that all lines have is shown",
        "runner/analysis/overview/masks.py",
        "if numbers[other] > 1 else each",
        "if numbers[other] > 0 else each",
        _MINING,
    ),
    Mutant(
        "a word of nearly all lines is constant",
        "runner/analysis/overview/grouping.py",
        "and not (_has_variable(words) and not _is_usual(column, words, counts))",
        "and not _has_variable(words)",
        _MINING,
    ),
    Mutant(
        "an analysis reports something",
        "runner/job_types/analyze_payload.py",
        "if value is False and not any(asked):",
        "if False:",
        ("tests/server/handlers/test_analyze.py",),
    ),
)
