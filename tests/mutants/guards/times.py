"""Guards of the times of lines: a timeline, lines between two times, samples."""

from tests.mutants.mutant import Mutant

AXIS = ("tests/loganalysis/test_axis.py",)
REFERENCE = ("tests/loganalysis/test_reference.py",)
LIMITS = ("tests/loganalysis/test_time_limits.py",)
SAMPLES = ("tests/loganalysis/test_samples.py",)
TIMELINE = ("tests/loganalysis/test_timeline.py",)

COMMON = ("tests/loganalysis/test_common_logs.py",)

TIMES = (
    Mutant(
        "an F of a container runtime is no level",
        "loganalysis/templates/levels.py",
        "if _CRI.match(shape) else shape",
        "if False else shape",
        (f"{COMMON[0]}::test_lines_within_those_of_other_tools_have_times_and_levels",),
    ),
    Mutant(
        "the time of a line in a wrapper is masked where it stands",
        "loganalysis/templates/shapes.py",
        "    time, offset = locate_time(line)",
        "    time, offset = locate_time(line)[0], 0",
        (
            "tests/loganalysis/test_overview_kernel.py::test_the_time_of_a_line_in_a_wrapper_is_masked",
        ),
    ),
    Mutant(
        "the number of a level is not masked",
        "loganalysis/templates/shapes.py",
        "elif self._is_level(run, at):",
        "elif False:",
        (f"{COMMON[0]}::test_lines_within_those_of_other_tools_have_times_and_levels",),
    ),
    Mutant(
        "a day above twelve proves the order of dates",
        "loganalysis/times/reference_time.py",
        "    return any(first > _MONTHS for first, _ in dates) and",
        "    return False and",
        (f"{COMMON[0]}::test_a_day_above_twelve_proves_that_dates_begin_with_it",),
    ),
    Mutant(
        "a file is scanned again if its scan proves another order of dates",
        "loganalysis/scan/analyze.py",
        "    if found and known is None:",
        "    if False:",
        (f"{REFERENCE[0]}::test_pages_have_the_day_that_the_middle_of_the_file_proves",),
    ),
    Mutant(
        "times without a year do not go back",
        "loganalysis/times/reference_time.py",
        "        if all(later >= earlier - _DAY",
        "        if True or all(later >= earlier - _DAY",
        (f"{COMMON[0]}::test_times_without_a_year_do_not_go_back",),
    ),
    Mutant(
        "lines of 1970 do not stretch the axis",
        "loganalysis/times/axis.py",
        "    unset = unset if sums[unset] * _MOST_UNSET <= sums[-1] else 0",
        "    unset = 0",
        (f"{COMMON[0]}::test_lines_of_a_clock_that_was_never_set_do_not_stretch_the_axis",),
    ),
    Mutant(
        "lines outside of from and until do not count",
        "loganalysis/times/c_timeline.py",
        "return self.since is not None or self.until is not None",
        "return False",
        LIMITS,
    ),
    Mutant(
        "lines that are not searched are numbered",
        "loganalysis/count/scanner.py",
        "self._kernel.skip_lines(newlines)",
        "pass",
        LIMITS,
    ),
    Mutant(
        "a text does not begin in a line that does not count",
        "loganalysis/count/scanner.py",
        "kept = max(self._part_start - window.base, 0)",
        "kept = 0",
        LIMITS,
    ),
    Mutant(
        "the cells of merged parts are as wide as their number needs",
        "loganalysis/times/timeline.py",
        "while len(cells := _joined((self, later), width)) > CELLS:",
        "while (cells := _joined((self, later), width)) and False:",
        TIMELINE,
    ),
    Mutant(
        "one wrong time is left out of the axis",
        "loganalysis/times/axis.py",
        "allowed = total // _LEFT_OUT or int(total >= _FEW_LINES)",
        "allowed = 0",
        AXIS,
    ),
    Mutant(
        "the time of logfmt is the value of its key",
        "loganalysis/times/time_formats.py",
        "if _LOGFMT.match(line) and (match",
        "if False and (match",
        ("tests/loganalysis/test_line_times.py",),
    ),
    Mutant(
        "a number of milliseconds is padded",
        "loganalysis/times/line_times.py",
        'digits = digits.rjust(3, b"0")',
        "pass",
        ("tests/loganalysis/test_line_times.py",),
    ),
    Mutant(
        "a leap second is in the last minute of a day",
        "loganalysis/times/time_limits.py",
        "if leap and since_epoch % timedelta(days=1) < _LAST_MINUTE:",
        "if False:",
        LIMITS,
    ),
    Mutant(
        "a time that only some releases of Python read is refused",
        "loganalysis/times/time_limits.py",
        "if not text.isascii() or _IMPOSSIBLE.fullmatch(text):",
        "if not text.isascii():",
        LIMITS,
    ),
    Mutant(
        "lines read times as analyses do",
        "server/api/analyses/lines_query.py",
        "return Moment(limit.seconds, limit.is_relative)",
        "return Moment(limit.seconds, False)",
        LIMITS,
    ),
    Mutant(
        "a line without a year is not later than its file",
        "loganalysis/times/reference_time.py",
        "return min(nearest, modified) if last <= modified + _DAY else nearest",
        "return nearest",
        REFERENCE,
    ),
    Mutant(
        "dated lines tell the year of others",
        "loganalysis/times/reference_time.py",
        "if not seconds:",
        "if True:",
        REFERENCE,
    ),
    Mutant(
        "the axis grows to times that are near",
        "loganalysis/times/axis.py",
        "numbers[high + 1] - numbers[high] <= near",
        "False",
        AXIS,
    ),
    Mutant(
        "a bin is a multiple of the cells of the overview",
        "loganalysis/times/axis.py",
        "and not seconds % also",
        "",
        AXIS,
    ),
    Mutant(
        "lines that the axis leaves out are counted",
        "loganalysis/times/timeline.py",
        "            **axis.outside(self._counts(0), self.width),\n",
        "",
        AXIS,
    ),
    Mutant(
        "the first cells are not as wide as a wrong time at the end of a file needs",
        "loganalysis/scan/options.py",
        "half = shortest_half(file, line_times) if is_plain else None",
        "half = TimeSpan.of_file(file).times(line_times) if is_plain else None",
        AXIS,
    ),
    Mutant(
        "samples near the end of a part get the first lines of the next",
        "loganalysis/count/samples.py",
        "        if is_same_file:\n            self._join(later)\n",
        "",
        SAMPLES,
    ),
    Mutant(
        "samples near the end of a window get the first lines of the next",
        "loganalysis/count/sample_recorder.py",
        "            self._waiting.append(sample)\n",
        "            pass\n",
        SAMPLES,
    ),
    Mutant(
        "a burst has a sample",
        "loganalysis/count/samples.py",
        "chosen = [*_from_bursts(self.dated, ceil(samples / 2))]",
        "chosen: list[Chosen] = []",
        SAMPLES,
    ),
    Mutant(
        "a line with a text of not does not match",
        "loganalysis/match/combinations.py",
        "and not any(member.find(line, end) >= 0 for member in self._none)",
        "and True",
        ("tests/loganalysis/test_combinations.py",),
    ),
    Mutant(
        "a combination without all and any is refused",
        "loganalysis/request/patterns.py",
        "if not (self.all or self.any):",
        "if False:",
        ("tests/server/api/analyses/test_analyze.py",),
    ),
)
