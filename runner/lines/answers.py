"""Answers requests for lines. Keeps what it has learned of the last files."""

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from runner.analysis.archives.open_archive import archive_format
from runner.analysis.count.time_limits import TimeLimit
from runner.analysis.index.known_file import KnownFile
from runner.analysis.index.matcher import FieldProblem, Matcher
from runner.analysis.index.page import read_page
from runner.analysis.index.query import LineQuery
from runner.analysis.index.sinks import ObjectSink, TextSink, to_json
from runner.analysis.index.stream import StreamCache
from runner.analysis.input.encodings import EncodingError, check_encoding
from runner.analysis.input.errors import FormatError
from runner.remote.file import RemoteChanged, RemoteFile, RemoteMissing

MAX_FILES = 16
"""Files whose marks are kept. The marks of a file take up to 1 MB."""

_ADVICE = "unpack it, and upload one of its files"

Answer = dict[str, Any]
"""What `kind` it is, and more: `page` has `body` (JSON), `text` has `body`, `cursor`, `hits` and
`problem`, `field` has `field` and `detail`, and all others have `detail`: `gone`, `unreadable` and
`unavailable`."""


class Answers:
    """Answers one request after the other."""

    def __init__(self) -> None:
        self._files: OrderedDict[Any, KnownFile] = OrderedDict()
        self._streams = StreamCache()

    def answer(self, request: dict[str, Any]) -> Answer:
        """Answer a request.

        It has `key`, which names the file, its `path` or `url`, its `size` in bytes, `encoding`,
        `index` (the marks of an analysis, or None), `query` (the fields of a LineQuery), `seconds`,
        after which the page ends, and `text_bytes`, which is None for JSON.
        """
        self._streams.close_idle()
        try:
            file = self._file(request)
            return self._answer(file, request)
        except FieldProblem as problem:
            return {"kind": "field", "field": problem.field, "detail": problem.detail}
        except (FormatError, _Archive) as error:
            return {"kind": "unreadable", "detail": str(error)}
        except (RemoteMissing, RemoteChanged, FileNotFoundError, _Changed) as error:
            self._files.pop(_key(request), None)
            detail = "" if isinstance(error, FileNotFoundError) else f": {error}"
            return {"kind": "gone", "detail": f"the file was deleted or changed{detail}"}
        except OSError as error:
            reason = error.strerror or str(error)
            return {"kind": "unavailable", "detail": f"the file cannot be read now: {reason}"}

    def _answer(self, file: KnownFile, request: dict[str, Any]) -> Answer:
        query = _query(request["query"])
        deadline = time.monotonic() + request["seconds"]
        if (text_bytes := request["text_bytes"]) is not None:
            text = TextSink(query.limit, text_bytes)
            end = read_page(file, query, text, deadline)
            found = {"cursor": end.cursor, "hits": text.hits, "problem": end.problem}
            return {"kind": "text", "body": text.text, **found}
        matcher = Matcher(query.match, query.regex, query.ignore_case)
        sink = ObjectSink(file.clock, matcher, query.limit or 1)
        end = read_page(file, query, sink, deadline)
        others = {"next": end.cursor, "total_lines": end.total_lines, "problem": end.problem}
        return {"kind": "page", "body": to_json(sink.lines, **others)}

    def _file(self, request: dict[str, Any]) -> KnownFile:
        key = _key(request)
        stored = Path(request["path"]) if "path" in request else None
        source = stored or RemoteFile(request["url"], request["size"])
        file = self._files.pop(key, None)
        if file is None:
            if form := archive_format(source):
                raise _Archive(
                    f"this is a {form} archive, of which no lines can be read: {_ADVICE}"
                )
            file = KnownFile(key, source, _encoding(request["encoding"]), self._streams)
            if file.text.size != request["size"]:
                raise _Changed(f"it has {file.text.size} bytes instead of {request['size']}")
        elif stored is None:
            file.text.stored = source  # its URL is newer
        elif not stored.exists():
            raise FileNotFoundError
        if request["index"] is not None:
            file.adopt(request["index"])
        self._files[key] = file
        if len(self._files) > MAX_FILES:
            self._files.popitem(last=False)
        return file


def _query(given: dict[str, Any]) -> LineQuery:
    limits = {name: given[name] and TimeLimit(*given[name]) for name in ("start", "end")}
    return LineQuery(**{**given, **limits})


def _encoding(name: str | None) -> str | None:
    """The encoding that the payload of a job names, if it names one."""
    try:
        return None if name is None else check_encoding(name)
    except EncodingError:
        return None  # a field of a job type that means something else by it


class _Archive(Exception):
    """The file is an archive, whose members have lines of their own."""


class _Changed(Exception):
    """The file does not have the size with which it was stored."""


def _key(request: dict[str, Any]) -> tuple[Any, ...]:
    return request["key"], request["encoding"]
