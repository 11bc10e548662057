"""The guards of reading lines of stored files."""

from tests.mutants.mutant import Mutant

PAGES = ("tests/analysis/test_index_pages.py",)
MARKS = ("tests/analysis/test_line_marks.py",)
POINTS = ("tests/analysis/test_gzip_points.py",)
CALLS = ("tests/server/handlers/test_lines.py",)
MEMBERS = ("tests/runner/lines/test_member_pages.py",)
ACCESS = ("tests/analysis/test_access_points.py",)
ARCHIVE_INDEX = ("tests/analysis/archives/test_archive_index.py",)

STORED_LINES = (
    Mutant(
        "lines of a level are no others",
        "runner/analysis/index/matcher.py",
        "return starts if self._kind.is_any else",
        "return starts if True else",
        (f"{PAGES[0]}::test_pages_that_run_out_of_time_have_the_same_lines",),
    ),
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
        "self.decoder.copy() if self.decoder else None",
        "self.decoder",
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
        '            if (size := size_of(source)) != request["size"]:',
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
        "self._waiting.taken(MAX_WAITING, sharer)",
        "self._waiting.taken(10**9, sharer)",
        (f"{CALLS[0]}::test_too_many_waiting_requests_are_refused",),
    ),
    Mutant(
        "open responses of text are bounded",
        "server/processes/line_readers.py",
        "self.texts.taken(MAX_TEXTS, sharer)",
        "self.texts.taken(10**9, sharer)",
        (f"{CALLS[0]}::test_too_many_waiting_requests_are_refused",),
    ),
    Mutant(
        "the limits of data hold for lines of members",
        "runner/lines/member_text.py",
        "        if problem := self._limits.problem(self._done, self.bytes_done):",
        '        if problem := "":',
        (f"{MEMBERS[0]}::test_compressed_members_expand_within_the_limits",),
    ),
    Mutant(
        "a name that no member has is refused",
        "runner/lines/member_pages.py",
        "        if not found:",
        "        if False:",
        (f"{MEMBERS[0]}::test_an_unknown_member_is_refused_with_the_names_of_some",),
    ),
    Mutant(
        "the members that are known of all archives are bounded",
        "runner/lines/answers.py",
        "sum(map(_members, self._files.values())) > MAX_MEMBERS",
        "False",
        (f"{MEMBERS[0]}::test_the_members_that_are_known_are_bounded",),
    ),
    Mutant(
        "an archive that ends within a member was cut short",
        "runner/lines/member_streams.py",
        "        if size > 0 and not data:",
        "        if False:",
        (f"{MEMBERS[0]}::test_a_tar_archive_that_was_cut_before_it_was_compressed_has_a_problem",),
    ),
    Mutant(
        "lines are not numbered by an end that nobody has seen",
        "runner/analysis/index/learner.py",
        "        if marks.is_complete or (newest is None and end.offset):",
        "        if marks.is_complete:",
        (f"{MEMBERS[0]}::test_a_page_whose_time_is_over_continues_with_its_cursor",),
    ),
    Mutant(
        "an index of an archive is bounded",
        "runner/analysis/index/archive_index.py",
        "        if len(text) <= MAX_TEXT:",
        "        if True:",
        (f"{ARCHIVE_INDEX[0]}::test_an_index_is_bounded",),
    ),
    Mutant(
        "a damaged index of an archive is refused",
        "runner/analysis/index/archive_index.py",
        "    _require(are_counts(offsets) and are_counts(sizes))",
        "",
        (f"{ARCHIVE_INDEX[0]}::test_a_damaged_index_is_refused",),
    ),
    Mutant(
        "the name of a member is taken as it is",
        "server/handlers/jobs/lines.py",
        '            parameters["member"] = raw[-1].decode()  # all of it: Tornado strips it\n',
        "            pass\n",
        (f"{CALLS[0]}::test_lines_of_an_archive_name_their_member",),
    ),
    Mutant(
        "an access point is proved",
        "runner/analysis/index/gzip_recorder.py",
        "            if len(made) >= _LEAST_BYTES and piece.startswith(made, held):",
        "            if True:",
        (f"{ACCESS[0]}::test_data_from_each_point_is_that_of_the_file",),
    ),
    Mutant(
        "a file has a bounded number of recorded points",
        "runner/analysis/index/gzip_recorder.py",
        "        if len(self.points) > MAX_POINTS:",
        "        if False:",
        (f"{ACCESS[0]}::test_the_number_of_points_is_bounded",),
    ),
    Mutant(
        "the text of access points is bounded",
        "runner/analysis/index/access_points.py",
        "    while sum(map(len, packed)) > MAX_TEXT * 3 // 4 - 2000:",
        "    while False:",
        (f"{ACCESS[0]}::test_encoded_points_are_bounded",),
    ),
    Mutant(
        "access points that are out of order are refused",
        "runner/analysis/index/access_points.py",
        "    if not (rising and sized and counted and",
        "    if not (True and",
        (f"{ACCESS[0]}::test_damaged_points_are_refused",),
    ),
    Mutant(
        "a window that is cut short is refused",
        "runner/analysis/index/access_points.py",
        "        if not decoder.eof:",
        "        if False:",
        (f"{ACCESS[0]}::test_a_damaged_window_lets_the_reader_begin_at_the_start",),
    ),
    Mutant(
        "the limits of data hold for lines of gzip files",
        "runner/analysis/index/gzip_points.py",
        "            if problem := self._limits.problem(self._offset, self._file_offset):",
        '            if problem := "":',
        (f"{ACCESS[0]}::test_reading_from_a_point_keeps_the_limits",),
    ),
)
