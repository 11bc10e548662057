"""Guards of formats and of the statistics of fields: what is left out, and what has a bound."""

from tests.mutants.mutant import Mutant

ANALYSIS = ("tests/loganalysis/fields/test_field_analysis.py",)
APPROXIMATIONS = ("tests/loganalysis/fields/test_approximations.py",)
KERNEL = ("tests/loganalysis/fields/test_fields_kernel.py",)
OVER_TIME = ("tests/loganalysis/fields/test_over_time.py",)
TABLES = ("tests/server/api/analyses/test_tables.py",)
QUERY = ("tests/server/api/analyses/test_analyze.py",)
DETECTION = ("tests/loganalysis/formats/test_detection.py",)

FIELDS = (
    Mutant(
        "damaged statistics are refused",
        "loganalysis/fields/memory.py",
        "if not library().fields_merge(self.handle, Str(packed).address, len(packed)):",
        "if library().fields_merge(self.handle, Str(packed).address, len(packed)) < 0:",
        OVER_TIME,
    ),
    Mutant(
        "all values with the least of the shown counts are candidates",
        "loganalysis/fields/memory.py",
        "if count >= least]",
        "if count > least]",
        ANALYSIS,
    ),
    Mutant(
        "bins are a multiple of the cells of fields",
        "loganalysis/scan/partial_result.py",
        "axis(lcm(also, fields.cell_seconds if fields else 1))",
        "axis(also)",
        OVER_TIME,
    ),
    Mutant(
        "the error of quantiles over time includes their rounding",
        "loganalysis/fields/over_time.py",
        "ceil(1e4 * (error + _ROUNDING)) / 1e4",
        "error",
        OVER_TIME,
    ),
    Mutant(
        "few values of a field are shown over time",
        "loganalysis/fields/table.py",
        "min(top, MAX_TOP)",
        "top",
        OVER_TIME,
    ),
    Mutant(
        "the number of distinct values of a bin is exact while they are few",
        "loganalysis/fields/sketches.py",
        "if content.is_estimated else",
        "if True else",
        OVER_TIME,
    ),
    Mutant(
        "fields over time need lines",
        "loganalysis/request/request.py",
        "        if self._has_fields_over_time() or self.explain:",
        "        if self.explain:",
        QUERY,
    ),
    Mutant(
        "objects are read up to a depth",
        "loganalysis/formats/key_values.py",
        "if isinstance(value, dict) and depth < MAX_OBJECTS:",
        "if isinstance(value, dict):",
        KERNEL,
    ),
    Mutant(
        "objects whose fields are listed are not listed themselves",
        "loganalysis/formats/detection.py",
        "if name not in objects]",
        "if True]",
        KERNEL,
    ),
    Mutant(
        "a timeline without bins has no times",
        "loganalysis/report/tables.py",
        '    if not timeline["bins"]:\n        return []\n',
        "",
        TABLES,
    ),
    Mutant(
        "text that is seldom a number has no figures of numbers",
        "loganalysis/fields/statistics.py",
        "return 2 * self.numbers.count >= max(self.count, 1)",
        "return self.numbers.count > 0",
        (*APPROXIMATIONS, *KERNEL),
    ),
    Mutant(
        "the rest of a line that a window cuts gives no fields",
        "loganalysis/fields/collector.py",
        "if not window.starts_mid_line:",
        "if True:",
        ANALYSIS,
    ),
    Mutant(
        "a regex gives fields from the start of a long line only",
        "loganalysis/fields/collector.py",
        "match(ANYWHERE, line, start, min(stop, start + line_bytes))",
        "match(ANYWHERE, line, start, stop)",
        ANALYSIS,
    ),
    Mutant(
        "repetitions of layouts give nothing back",
        "loganalysis/fields/layout.py",
        'return b"%b{%d,%b}+" %',
        'return b"%b{%d,%b}" %',
        KERNEL,
    ),
    Mutant(
        "two fields have two names",
        "loganalysis/request/fields.py",
        "    if twice:\n",
        "    if False:\n",
        QUERY,
    ),
    Mutant(
        "there are 16 fields at most, also in the groups of regexes",
        "loganalysis/request/fields.py",
        "if names.total() > MAX_FIELDS:",
        "if False:",
        QUERY,
    ),
    Mutant(
        "a field's regex is checked before the job is stored",
        "loganalysis/request/fields.py",
        "        if self.regex:\n            self.names()\n",
        "",
        QUERY,
    ),
    Mutant(
        "a field that no line has is reported",
        "loganalysis/scan/field_choice.py",
        "for name, count in counts.items() if not count]",
        "for name, count in counts.items() if count < 0]",
        ANALYSIS,
    ),
    Mutant(
        "prose is no header",
        "loganalysis/formats/header.py",
        "return not any(column.is_prose for column in skipped)",
        "return True",
        DETECTION,
    ),
    Mutant(
        "without the time of the file, a year is unknown",
        "loganalysis/formats/times.py",
        "if self._modified is None and found is not None and found < 2 * _DAY_SECONDS:",
        "if False:",
        DETECTION,
    ),
)
