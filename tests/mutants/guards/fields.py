"""Guards of formats and of the statistics of fields: what is left out, and what has a bound."""

from tests.mutants.mutant import Mutant

ANALYSIS = ("tests/analysis/fields/test_field_analysis.py",)
APPROXIMATIONS = ("tests/analysis/fields/test_approximations.py",)
KERNEL = ("tests/analysis/fields/test_fields_kernel.py",)
QUERY = ("tests/server/handlers/test_analyze.py",)
DETECTION = ("tests/analysis/formats/test_detection.py",)

FIELDS = (
    Mutant(
        "merged statistics stay within their memory",
        "runner/analysis/fields/statistics.py",
        "if not _fits(self.counts, bounds.values, bounds.bytes):",
        "if False:",
        APPROXIMATIONS,
    ),
    Mutant(
        "a purge counts as an error",
        "runner/analysis/fields/statistics.py",
        "        self.purged += by\n",
        "",
        APPROXIMATIONS,
    ),
    Mutant(
        "text that is seldom a number has no figures of numbers",
        "runner/analysis/fields/statistics.py",
        "if 2 * number.count >= max(self.count, 1) else None",
        "if number.count else None",
        (*APPROXIMATIONS, *KERNEL),
    ),
    Mutant(
        "the rest of a line that a window cuts gives no fields",
        "runner/analysis/fields/collector.py",
        "if not window.starts_mid_line:",
        "if True:",
        ANALYSIS,
    ),
    Mutant(
        "a regex gives fields from the start of a long line only",
        "runner/analysis/fields/collector.py",
        "match(ANYWHERE, view, start, min(end, start + line_bytes))",
        "match(ANYWHERE, view, start, end)",
        ANALYSIS,
    ),
    Mutant(
        "repetitions of layouts give nothing back",
        "runner/analysis/fields/layout.py",
        'return b"%b{%d,%b}+" %',
        'return b"%b{%d,%b}" %',
        KERNEL,
    ),
    Mutant(
        "two fields have two names",
        "runner/job_types/analyze_fields.py",
        "    if twice:\n",
        "    if False:\n",
        QUERY,
    ),
    Mutant(
        "there are 16 fields at most, also in the groups of regexes",
        "runner/job_types/analyze_fields.py",
        "if names.total() > MAX_FIELDS:",
        "if False:",
        QUERY,
    ),
    Mutant(
        "a field's regex is checked before the job is stored",
        "runner/job_types/analyze_fields.py",
        "        if self.regex:\n            self.names()\n",
        "",
        QUERY,
    ),
    Mutant(
        "a field that no line has is reported",
        "runner/analysis/field_plan.py",
        "for name, count in counts.items() if not count]",
        "for name, count in counts.items() if count < 0]",
        ANALYSIS,
    ),
    Mutant(
        "prose is no header",
        "runner/analysis/formats/header.py",
        "return not any(column.is_prose for column in skipped)",
        "return True",
        DETECTION,
    ),
    Mutant(
        "without the time of the file, a year is unknown",
        "runner/analysis/formats/times.py",
        "if self._modified is None and found is not None and found < 2 * _DAY_SECONDS:",
        "if False:",
        DETECTION,
    ),
)
