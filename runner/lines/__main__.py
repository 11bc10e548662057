"""`python -m runner.lines`: answers requests of a listener until it closes the connection.

Only a listener starts it, with a connection as its standard input.
"""

import contextlib
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Hashable
from multiprocessing.connection import Connection
from pathlib import Path

from loganalysis.archives.open_archive import archive_format
from loganalysis.index.known_file import KnownFile
from loganalysis.index.stream import StreamCache
from loganalysis.lines.known_archive import KnownArchive
from loganalysis.lines.matcher import FieldProblem, Matcher
from loganalysis.lines.member_pages import FailedMember, MemberChoice, MemberPage, NoReadableMember
from loganalysis.lines.page import PageEnd, read_page
from loganalysis.lines.query import LineQuery
from loganalysis.lines.sinks import ObjectSink, TextSink, to_json
from loganalysis.read.encodings import EncodingError, check_encoding
from loganalysis.read.errors import FormatError
from loganalysis.read.json_values import Json
from loganalysis.read.stored import Stored, size_of
from loganalysis.records.rule import Records
from loganalysis.times.time_limits import TimeLimit
from runner.remote.file import RemoteChanged, RemoteFile, RemoteMissing

log = logging.getLogger(__name__)

_MAX_FILES = 16
"""Files whose marks are kept. The marks of a file take up to 1 MB."""
MAX_MEMBERS = 100_000
"""Members that are known of all archives together. Each takes up to 1 KB."""

_Answer = Json
"""What `kind` it is, and more: `page` has `body` (JSON), `text` has `body`, `cursor`, `hits` and
`problem`, `field` has `field` and `detail`, and all others have `detail`: `gone`, `unreadable` and
`unavailable`."""


def main(listener: Connection) -> None:
    """Answer requests. Raises EOFError when the listener has gone."""
    answers = Answers()
    while True:
        request = listener.recv()
        try:
            answer = answers.answer(request)
        except Exception:
            log.exception("lines of a file could not be read")
            answer = {"kind": "unavailable", "detail": "the lines could not be read"}
        listener.send(answer)


class Answers:
    """Answers one request after the other."""

    def __init__(self) -> None:
        self._files: OrderedDict[Hashable, KnownFile | KnownArchive] = OrderedDict()
        self._streams = StreamCache()

    def answer(self, request: Json) -> _Answer:
        """Answer a request.

        It has `key`, which names the file, its `path` or `url`, its `size` in bytes, `encoding`,
        `index` and `access_points` (those of an analysis, or None), `query` (the fields of a
        LineQuery, with those of its `records`), `seconds`, after which the page ends, and
        `text_bytes`, which is None for JSON. `member` is the name of a member of an archive, or
        None; then `members` has globs for those to read.
        """
        self._streams.close_idle()
        try:
            file = self._file(request)
            return self._answer(file, request)
        except FieldProblem as problem:
            return {"kind": "field", "field": problem.field, "detail": problem.detail}
        except (FormatError, NoReadableMember) as error:
            return {"kind": "unreadable", "detail": str(error)}
        except (RemoteMissing, RemoteChanged, FileNotFoundError, _Changed) as error:
            self._files.pop(_key(request), None)
            detail = "" if isinstance(error, FileNotFoundError) else f": {error}"
            return {"kind": "gone", "detail": f"the file was deleted or changed{detail}"}
        except OSError as error:
            reason = error.strerror or str(error)
            return {"kind": "unavailable", "detail": f"the file cannot be read now: {reason}"}

    def _answer(self, file: KnownFile | KnownArchive, request: Json) -> _Answer:
        query = _query(request["query"])
        if (text_bytes := request["text_bytes"]) is not None:
            text = TextSink(query.limit, text_bytes)
            end, _ = _read(file, request, query, text)
            found = {"cursor": end.cursor, "hits": text.hits, "problem": end.problem}
            return {"kind": "text", "body": text.text, **found}
        matcher = Matcher(query.match, query.regex, query.ignore_case)
        sink = ObjectSink(matcher, query.limit or 1)
        end, failed = _read(file, request, query, sink)
        others: Json = {
            "next": end.cursor,
            "total_lines": end.total_lines,
            "problem": end.problem,
        }
        if isinstance(file, KnownArchive):
            others["failed_members"] = [
                {"name": each.name, "code": each.problem.code, "message": each.problem.message}
                for each in failed
            ]
        return {"kind": "page", "body": to_json(sink.lines, **others)}

    def _file(self, request: Json) -> KnownFile | KnownArchive:
        key = _key(request)
        stored = Path(request["path"]) if "path" in request else None
        source = stored or RemoteFile(request["url"], request["size"])
        file = self._files.pop(key, None)
        if file is None:
            if (size := size_of(source)) != request["size"]:
                raise _Changed(f"it has {size} bytes instead of {request['size']}")
            file = self._open(key, source, _encoding(request["encoding"]))
        elif stored is None:
            file.use(source)  # its URL is newer
        elif not stored.exists():
            raise FileNotFoundError
        if request["index"] is not None:
            file.adopt(request["index"])
        if (points := request.get("access_points")) is not None:
            file.adopt_points(points)
        self._files[key] = file
        while len(self._files) > _MAX_FILES or (
            len(self._files) > 1 and sum(map(_members, self._files.values())) > MAX_MEMBERS
        ):
            self._files.popitem(last=False)
        return file

    def _open(
        self, key: Hashable, source: Stored, encoding: str | None
    ) -> KnownFile | KnownArchive:
        if form := archive_format(source):
            return KnownArchive(key, source, form, encoding, self._streams)
        return KnownFile.of_file(key, source, encoding, self._streams)


def _members(file: KnownFile | KnownArchive) -> int:
    return len(file.members) if isinstance(file, KnownArchive) else 0


def _read(
    file: KnownFile | KnownArchive,
    request: Json,
    query: LineQuery,
    sink: ObjectSink | TextSink,
) -> tuple[PageEnd, list[FailedMember]]:
    """Read a page; return its end, and the members of an archive that were passed over."""
    deadline = time.monotonic() + request["seconds"]
    name = request.get("member")
    if isinstance(file, KnownArchive):
        choice = MemberChoice(name, request.get("members") or [])
        page = MemberPage(file, query, choice, sink, deadline)
        return page.read(), page.failed
    if name is not None:
        raise FieldProblem("member", "the file is no archive, so it has no members")
    sink.begin(file.clock)
    return read_page(file, query, sink, deadline), []


def _query(given: Json) -> LineQuery:
    limits = {name: given[name] and TimeLimit(*given[name]) for name in ("start", "end")}
    records = given.get("records")
    return LineQuery(**{**given, **limits, "records": records and Records(**records)})


def _encoding(name: str | None) -> str | None:
    """The encoding that the payload of a job names, if it names one."""
    try:
        return None if name is None else check_encoding(name)
    except EncodingError:
        return None  # a field of a job type that means something else by it


class _Changed(Exception):
    """The file does not have the size with which it was stored."""


def _key(request: Json) -> tuple[Hashable, ...]:
    return request["key"], request["encoding"]


if __name__ == "__main__":
    with contextlib.suppress(EOFError, BrokenPipeError):
        main(Connection(sys.stdin.fileno()))
