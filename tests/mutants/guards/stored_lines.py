"""The guards of reading lines of stored files."""

from tests.mutants.mutant import Mutant

PAGES = ("tests/analysis/test_index_pages.py",)
MARKS = ("tests/analysis/test_line_marks.py",)
POINTS = ("tests/analysis/test_gzip_points.py",)
CALLS = ("tests/server/handlers/test_lines.py",)

STORED_LINES = (
    Mutant(
        "a cursor that nobody has issued is checked",
        "runner/analysis/index/position.py",
        "    if not all(type(each) is int and 0 <= each < _MAX for each in numbers) or line < 1:",
        "    if False:",
        (f"{PAGES[0]}::test_a_text_that_is_no_cursor_is_refused",),
    ),
    Mutant(
        "a cursor behind the end of the data has no next page",
        "runner/analysis/index/learner.py",
        "self._blocks.at_end or self._stream.at_end or",
        "self._blocks.at_end or",
        (f"{PAGES[0]}::test_a_cursor_behind_the_end_gives_no_lines_and_no_next_page",),
    ),
    Mutant(
        "a line that is too long does not fill the memory",
        "runner/analysis/index/blocks.py",
        "            if len(data) >= MAX_LINE_BYTES:",
        "            if False:",
        (f"{PAGES[0]}::test_a_line_that_is_too_long_is_cut_and_later_lines_keep_their_numbers",),
    ),
    Mutant(
        "only a file in the order of its times is searched near a time",
        "runner/analysis/index/marks.py",
        "            if time < latest - DISORDER_SECONDS:",
        "            if False:",
        (f"{PAGES[0]}::test_lines_out_of_order_are_found_by_their_time",),
    ),
    Mutant(
        "marks that are out of order are refused",
        "runner/analysis/count/line_marks.py",
        "    if not (rising and bounded and",
        "    if not (True and",
        MARKS,
    ),
    Mutant(
        "marks of a file with another size are not used",
        "runner/analysis/index/known_file.py",
        "        if not self.text.is_plain or found.size == self.text.size:",
        "        if True:",
        MARKS,
    ),
    Mutant(
        "a result has room for its marks",
        "runner/analysis/count/line_marks.py",
        "        if len(self.marks) > MAX_MARKS:",
        "        if False:",
        MARKS,
    ),
    Mutant(
        "a file has a bounded number of access points",
        "runner/analysis/index/gzip_points.py",
        "        if len(self.points) > MAX_POINTS:",
        "        if False:",
        POINTS,
    ),
    Mutant(
        "a copy of a decoder is never used itself",
        "runner/analysis/index/gzip_points.py",
        "point.decoder.copy() if point.decoder else None",
        "point.decoder",
        POINTS,
    ),
    Mutant(
        "the damage of a gzip file is reported with its place",
        "runner/analysis/index/gzip_points.py",
        "                yield from self._data_before_damage()\n",
        "",
        POINTS,
    ),
    Mutant(
        "a file that was changed is not shown",
        "runner/lines/answers.py",
        '            if file.text.size != request["size"]:',
        "            if False:",
        (f"{CALLS[0]}::test_a_file_that_is_gone_is_reported",),
    ),
    Mutant(
        "text of a damaged file does not look complete",
        "server/handlers/jobs/lines.py",
        '                return self._break_off(answer["problem"])',
        "                pass",
        (f"{CALLS[0]}::test_a_damaged_file_gives_the_lines_before_the_damage",),
    ),
    Mutant(
        "requests for lines that wait are bounded",
        "server/processes/line_readers.py",
        "        if self._waiting >= MAX_WAITING:",
        "        if False:",
        (f"{CALLS[0]}::test_too_many_waiting_requests_are_refused",),
    ),
    Mutant(
        "open responses of text are bounded",
        "server/processes/line_readers.py",
        "        if self.texts >= MAX_TEXTS:",
        "        if False:",
        (f"{CALLS[0]}::test_too_many_waiting_requests_are_refused",),
    ),
)
