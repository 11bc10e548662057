"""Guards of records of several lines."""

from tests.mutants.mutant import Mutant

_RULE = ("tests/loganalysis/records/test_record_rule.py",)
_SCAN = ("tests/loganalysis/records/test_record_scan.py",)
_FILES = ("tests/loganalysis/records/test_record_files.py",)
_PAGES = ("tests/loganalysis/records/test_record_pages.py",)
_LINES = ("tests/server/api/analyses/test_lines.py",)
_REACH = ("tests/server/api/analyses/test_records.py",)

RECORDS = (
    Mutant(
        "an indented line with a time continues a record",
        "loganalysis/records/rule.py",
        "            not _is_indented(line)\n            and second_of",
        "            True\n            and second_of",
        _RULE,
    ),
    Mutant(
        "a line that is cut by the sample of a file does not decide the rule",
        "loganalysis/records/rule.py",
        "lines.pop()  # it may be cut",
        "pass",
        _RULE,
    ),
    Mutant(
        "a newline is decided only when the start of the next line is known",
        "loganalysis/records/plan.py",
        "return end if newline < 0 else end - len(last) + newline",
        "return end",
        _RULE,
    ),
    Mutant(
        "a part begins at a record",
        "loganalysis/scan/ranges.py",
        "if options and options.records and cut:",
        "if False:",
        _FILES,
    ),
    Mutant(
        "with a timeline, a part begins at a record with a time",
        "loganalysis/records/plan.py",
        "                if not is_dated:\n",
        "                if True:\n",
        _FILES,
    ),
    Mutant(
        "the number of records of later parts is added",
        "loganalysis/count/result.py",
        "self.records = (self.records or 0) + later.records",
        "self.records = later.records",
        _FILES,
    ),
    Mutant(
        "samples of later parts have the numbers of lines of the file",
        "loganalysis/count/samples.py",
        "sample.file_line += file_lines",
        "sample.file_line += 0",
        _FILES,
    ),
    Mutant(
        "a newline in a text is a line end within a record",
        "loganalysis/records/plan.py",
        """each.text.replace(b"\\n", LINE_END)""",
        "each.text",
        _SCAN,
    ),
    Mutant(
        "regexes match within lines",
        "loganalysis/count/scanner.py",
        "searched = part._replace(view=self._joined.view) if self._joined else part",
        "searched = part",
        _SCAN,
    ),
    Mutant(
        "a shape ends with the first line of a record",
        "loganalysis/templates/shapes.py",
        "self._ended = LINE_END in part[0]",
        "pass",
        ("tests/loganalysis/test_overview_kernel.py", *_FILES),
    ),
    Mutant(
        "lines left out of a long record are counted",
        "loganalysis/templates/collector.py",
        "self._lines_left_out += bytes(line[room:]).count(LINE_END)",
        "pass",
        _SCAN,
    ),
    Mutant(
        "results that count records and lines are not compared",
        "server/api/analyses/analyses.py",
        "if earlier.counted != after.counted:",
        "if False:",
        _REACH,
    ),
    Mutant(
        "a wrong option names the field and the fix",
        "loganalysis/request/request.py",
        "if not isinstance(start, str):",
        "if False:",
        _REACH,
    ),
    Mutant(
        "a block of lines ends with a record",
        "loganalysis/lines/record_reader.py",
        """joined.rfind(b"\\n", 0, len(data) - 1) + 1""",
        "len(data)",
        _PAGES,
    ),
    Mutant(
        "the record of a line is looked for from a record before it",
        "loganalysis/lines/page.py",
        "is_before = query.line is None or records.position.line <= query.line",
        "is_before = True",
        _PAGES,
    ),
    Mutant(
        "a line within a record selects all of it",
        "loganalysis/lines/page.py",
        """return at if at == len(data) else borders.rfind(b"\\n", 0, at) + 1""",
        "return at",
        _PAGES,
    ),
    Mutant(
        "the further lines of a record are marked",
        "loganalysis/lines/sinks.py",
        """            if at:
                found["continues"] = True
""",
        "",
        _LINES,
    ),
    Mutant(
        "lines come as the job has counted them",
        "server/api/analyses/lines.py",
        """job.payload.get("records") if job.type == "analyze" else None""",
        "None",
        _LINES,
    ),
)
