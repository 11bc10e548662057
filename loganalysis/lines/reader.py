"""Reads pages of lines of stored files, and remembers what it has learned of each.

The entry point of this folder, for a program that answers many requests for lines.
"""

import time
from collections import OrderedDict
from collections.abc import Hashable
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

_MAX_FILES = 16
"""Files whose marks are kept. The marks of a file take up to 1 MB."""
MAX_MEMBERS = 100_000
"""Members that are known of all archives together. Each takes up to 1 KB."""


class FileChanged(Exception):
    """The file does not have the size with which it was stored."""


class LineReader:
    """Answers one request after the other.

    Each answer has its `kind`, and more: `page` has `body` (JSON), `text` has `body`, `cursor`,
    `hits` and `problem`, `field` has `field` and `detail`, `unreadable` has `detail`.
    """

    def __init__(self) -> None:
        self._files: OrderedDict[Hashable, KnownFile | KnownArchive] = OrderedDict()
        self._streams = StreamCache()

    def answer(self, request: Json, source: Stored) -> Json:
        """Answer a request for lines of a file.

        `key` names the file, `size` is its size in bytes, and `encoding` its encoding. `index` and
        `access_points` come from an analysis, or are None. `query` has the fields of a LineQuery,
        and of its `records`. The page ends after `seconds`. `text_bytes` is None for JSON. `member`
        is the name of a member of an archive, or None; then `members` has globs for the members to
        read. Raises OSError, and FileChanged if the size is another one.
        """
        self._streams.close_idle()
        try:
            return self._answer(self._file(request, source), request)
        except FieldProblem as problem:
            return {"kind": "field", "field": problem.field, "detail": problem.detail}
        except (FormatError, NoReadableMember) as error:
            return {"kind": "unreadable", "detail": str(error)}

    def forget(self, request: Json) -> None:
        """Forget the file of a request, which is gone or has changed."""
        self._files.pop(_key(request), None)

    def _answer(self, file: KnownFile | KnownArchive, request: Json) -> Json:
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

    def _file(self, request: Json, source: Stored) -> KnownFile | KnownArchive:
        key = _key(request)
        file = self._files.pop(key, None)
        if file is None:
            if (size := size_of(source)) != request["size"]:
                raise FileChanged(f"it has {size} bytes instead of {request['size']}")
            file = self._open(key, source, _encoding(request["encoding"]))
        elif not isinstance(source, Path):
            file.use(source)  # its URL is newer
        elif not source.exists():
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
    """The encoding that a request names, if that is one."""
    try:
        return None if name is None else check_encoding(name)
    except EncodingError:
        return None  # the caller means something else by it


def _key(request: Json) -> tuple[Hashable, ...]:
    return request["key"], request["encoding"]
