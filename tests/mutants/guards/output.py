"""Guards of log entries: what a job prints is never taken for a log entry, and no job can make its
output larger than it is."""

from tests.mutants.mutant import Mutant

BUFFER = ("tests/runner/pool/test_output_buffer.py",)
POOL = ("tests/runner/pool/test_log_entries.py",)
STORED = ("tests/storage/jobs/test_output.py",)
FOUND = ("tests/server/events/test_log_entries.py",)
SENT = ("tests/server/api/jobs/test_output.py",)

OUTPUT = (
    Mutant(
        "what a job prints is no frame",
        "runner/pool/protocol/log_frames.py",
        "    return secrets.token_hex(6).encode()\n",
        '    return b"0123456789ab"\n',
        POOL,
    ),
    Mutant(
        "a job cannot store many marks",
        "runner/pool/protocol/output_buffer.py",
        "        if self._spare_marks < 1:\n",
        "        if False:\n",
        BUFFER,
    ),
    Mutant(
        "a log entry is forwarded whole",
        "runner/pool/protocol/output_buffer.py",
        "            end = min(end, max(0, self._frame_start - self._position))\n",
        "            pass\n",
        BUFFER,
    ),
    Mutant(
        "a full buffer does not wait for the rest of an entry",
        "runner/pool/protocol/output_buffer.py",
        "        if not end and len(self._text) == self._max_bytes:\n",
        "        if False:\n",
        BUFFER,
    ),
    Mutant(
        "a line has one time",
        "runner/pool/protocol/output_buffer.py",
        ' and self._text[-1:] == b"\\n")\n',
        ")\n",
        BUFFER,
    ),
    Mutant(
        "what may be the begin of a frame is printed at the end",
        "runner/pool/protocol/output.py",
        "            self._buffer.end(_now())\n",
        "",
        POOL,
    ),
    Mutant(
        "the marks of a keeper are inside of their piece",
        "runner/pool/protocol/output.py",
        "        if not last < mark.position < piece.end:\n",
        "        if False:\n",
        BUFFER,
    ),
    Mutant(
        "a keeper sends no more marks than text",
        "runner/pool/protocol/output.py",
        "size + max_marks * _MAX_MARK_BYTES",
        "None",
        BUFFER,
    ),
    Mutant(
        "the time of a mark can be shown",
        "storage/records/output.py",
        "    if value[2:3] >= [_LATEST]:\n",
        "    if False:\n",
        BUFFER,
    ),
    Mutant(
        "standard error goes where a job redirects it",
        "runner/pool/job_process/output.py",
        "        if _identity(2) != self._pipe:\n",
        "        if False:\n",
        POOL,
    ),
    Mutant(
        "a job does not change the log levels of the next one",
        "runner/pool/job_process/output.py",
        "            logger.setLevel(level)\n",
        "            pass\n",
        POOL,
    ),
    Mutant(
        "processes of a job know the modules of its job type",
        "runner/pool/job_process/loop.py",
        '        multiprocessing.set_start_method("fork", force=True)\n',
        "",
        POOL,
    ),
    Mutant(
        "a virtual environment may be a link",
        "runner/pool/linux/landlock.py",
        "    return _outermost(map(os.path.realpath, paths))\n",
        "    return _outermost(paths)\n",
        ("tests/runner/pool/test_job_access.py",),
    ),
    Mutant(
        "the fields of a log entry are limited",
        "runner/pool/job_process/output.py",
        "        if size + len(_encoded(field)) <= MAX_FIELD_BYTES:\n",
        "        if True:\n",
        POOL,
    ),
    Mutant(
        "fields that a job makes up can be sent as JSON",
        "server/events/log_entries.py",
        "        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()\n",
        "",
        POOL,
    ),
    Mutant(
        "fields that a job makes up are not nested too deep",
        "server/events/log_entries.py",
        " and _levels(value) <= _MAX_LEVELS",
        "",
        POOL,
    ),
    Mutant(
        "a stored piece ends before a log entry",
        "storage/jobs/output.py",
        "            end = _before_entry(position, end, marks)\n",
        "",
        STORED,
    ),
    Mutant(
        "a run goes on in the next piece",
        "storage/records/output.py",
        "        after.insert(0, before[-1]._replace(position=position))\n",
        "        pass\n",
        STORED,
    ),
    Mutant(
        "a line that was read in two parts is one entry",
        "server/events/log_entries.py",
        "            if line.text and line.stream == _stream(mark):\n",
        "            if False:\n",
        FOUND,
    ),
    Mutant(
        "what was printed has no level",
        "server/events/log_entries.py",
        "        return entry.level is not None and ",
        "        return entry.level is None or ",
        FOUND,
    ),
    Mutant(
        "a stream selects entries",
        "server/events/log_entries.py",
        "        if self.stream is not None and entry.stream != self.stream:\n",
        "        if False:\n",
        SENT,
    ),
)
