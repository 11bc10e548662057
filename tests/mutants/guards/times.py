"""Guards of the times of lines: a timeline, lines between two times, samples."""

from tests.mutants.mutant import Mutant

LIMITS = ("tests/analysis/test_time_limits.py",)
SAMPLES = ("tests/analysis/test_samples.py",)
TIMELINE = ("tests/analysis/test_timeline.py",)

TIMES = (
    Mutant(
        "lines outside of from and until do not count",
        "runner/analysis/count/timeline_kernel.py",
        "return self.since is not None or self.until is not None",
        "return False",
        LIMITS,
    ),
    Mutant(
        "lines that are not searched are numbered",
        "runner/analysis/count/scanner.py",
        "self._kernel.skip_lines(newlines)",
        "pass",
        LIMITS,
    ),
    Mutant(
        "a text does not begin in a line that does not count",
        "runner/analysis/count/scanner.py",
        "kept = max(self._part_start - window.base, 0)",
        "kept = 0",
        LIMITS,
    ),
    Mutant(
        "a file without times is not split",
        "runner/analysis/parts.py",
        "if options.needs_times and not has_times(file):",
        "if False:",
        TIMELINE,
    ),
    Mutant(
        "the cells of merged parts are as wide as the span needs",
        "runner/analysis/count/timeline.py",
        "while len(_span(spans, width)) > CELLS:",
        "while False:",
        TIMELINE,
    ),
    Mutant(
        "samples near the end of a part get the first lines of the next",
        "runner/analysis/count/samples.py",
        "        if is_same_file:\n            self._join(later)\n",
        "",
        SAMPLES,
    ),
    Mutant(
        "samples near the end of a window get the first lines of the next",
        "runner/analysis/count/sample_recorder.py",
        "            self._waiting.append(sample)\n",
        "            pass\n",
        SAMPLES,
    ),
    Mutant(
        "a burst has a sample",
        "runner/analysis/count/samples.py",
        "chosen = [*_from_bursts(self.dated, ceil(samples / 2))]",
        "chosen: list[Chosen] = []",
        SAMPLES,
    ),
    Mutant(
        "a line with a text of not does not match",
        "runner/analysis/match/combinations.py",
        "and not any(member.find(line, end) >= 0 for member in self._none)",
        "and True",
        ("tests/analysis/test_combinations.py",),
    ),
    Mutant(
        "a combination without all and any is refused",
        "runner/job_types/analyze_patterns.py",
        "if not (self.all or self.any):",
        "if False:",
        ("tests/server/handlers/test_analyze.py",),
    ),
)
