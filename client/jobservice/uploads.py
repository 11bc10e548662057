"""Multipart forms whose file is streamed from a path, bytes or a binary stream (RFC 7578).

A form can be read several times, if its file can: when a connection breaks, the upload starts
again from the beginning. Does no network input or output.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

Content = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the bytes themselves, or a binary stream."""
File = Content | tuple[str, Content]
"""The content of a file, or a pair of its name and its content."""
Files = File | list[File]
"""A file, or a list of files that are stored as one zip archive."""
Progress = Callable[[int, int | None], object]
"""Is called with the bytes sent and the bytes in all, which is None if unknown. The first number
begins at 0 again when the upload does."""

_LINE_END = b"\r\n"
CHUNK_BYTES = 1024 * 1024
"""With smaller pieces, the asynchronous client takes more CPU time."""


class Source:
    """The file of a form.

    name: the name that the service shows.
    size: its bytes, or None if that is unknown.
    can_restart: whether it can be read again. A stream that cannot seek can be read only once.
    """

    def __init__(self, file: File):
        given, content = file if isinstance(file, tuple) else (None, file)
        self.can_restart = True
        self.size: int | None
        self._start = 0
        if isinstance(content, (bytes, bytearray, memoryview)):
            self.name, self._content = given or "data", content
            self.size = len(memoryview(content).cast("B"))
        elif isinstance(content, (str, os.PathLike)):
            path = Path(content)
            self.name, self._content = given or path.name, path
            self.size = _readable_size(path)
            self.can_restart = self.size is not None
        else:
            self._take_stream(content, given)
        self._has_begun = False

    _content: bytes | bytearray | memoryview | Path | BinaryIO

    def _take_stream(self, stream: BinaryIO, given: str | None) -> None:
        given_stream: object = stream
        if isinstance(given_stream, io.TextIOBase) or not hasattr(stream, "read"):
            raise TypeError(f"a path, bytes or a stream opened in binary mode, not {stream!r}")
        own = getattr(stream, "name", None)
        self.name = given or (os.path.basename(own) if isinstance(own, str) else "") or "data"
        self._content = stream
        self.can_restart = bool(getattr(stream, "seekable", bool)())
        self.size = None
        if self.can_restart:
            self._start = stream.tell()
            self.size = stream.seek(0, os.SEEK_END) - self._start
            stream.seek(self._start)

    @property
    def is_spent(self) -> bool:
        """Whether it has been read and cannot be read again."""
        return self._has_begun and not self.can_restart

    def chunks(
        self, start: int = 0, end: int | None = None, most: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Read the file from `start` up to `end`: by default `size` bytes, if the size is known.

        Raises ValueError if the file is shorter now. Bytes that were added meanwhile are left out.
        A file that is not read from its start must be able to seek. A chunk has up to `most` bytes.
        """
        end = self.size if end is None else end
        with self._opened() as stream:
            if start:
                stream.seek(start, os.SEEK_CUR)
            left = None if end is None else end - start
            while left is None or left > 0:
                self._has_begun = True
                chunk = stream.read(most if left is None else min(most, left))
                if not chunk and left is None:
                    return
                if not chunk:
                    raise ValueError(f"{self.name} became shorter while it was sent")
                left = None if left is None else left - len(chunk)
                yield chunk

    def sha256(self) -> str:
        """The hash of the file in hexadecimal. The file must be able to start again."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        stream = self._content
        if not isinstance(stream, (bytes, bytearray, memoryview, Path)):
            stream.seek(self._start)
        return digest.hexdigest()

    def _opened(self) -> AbstractContextManager[BinaryIO]:
        if isinstance(self._content, Path):
            return self._content.open("rb")
        if isinstance(self._content, (bytes, bytearray, memoryview)):
            return io.BytesIO(self._content)
        if self.can_restart:
            self._content.seek(self._start)
        return contextlib.nullcontext(self._content)


class SeveralSources:
    """Several files of a form, which the service stores as one zip archive."""

    def __init__(self, files: Iterable[File]):
        self.sources = [Source(file) for file in files]
        if not self.sources:
            raise ValueError("a list of files needs at least one")
        sizes = [source.size for source in self.sources]
        self.name = ", ".join(source.name for source in self.sources)
        self.size = None if None in sizes else sum(size or 0 for size in sizes)
        self.can_restart = all(source.can_restart for source in self.sources)

    @property
    def is_spent(self) -> bool:
        """Whether one of them has been read and cannot be read again."""
        return any(source.is_spent for source in self.sources)


class Form:
    """A form with text parts and files, which come last: the service checks the parts first.

    size: the bytes of the whole form, or None if the size of a file is unknown.
    furthest: the most bytes of files that one try has sent.
    """

    def __init__(
        self,
        fields: Iterable[tuple[str, str]],
        source: Source | SeveralSources,
        on_progress: Progress | None = None,
    ):
        self.source = source
        self.furthest = 0
        self._position, self._reported = 0, -1
        self._on_progress = on_progress
        self._boundary = secrets.token_hex(16)
        parts = [self._part(f'name="{name}"') + value.encode() + b"\r\n" for name, value in fields]
        if isinstance(source, Source):
            self._files = [(self._file_head("filename", source), source)]
        else:
            self._files = [(self._file_head("files", each), each) for each in source.sources]
        self._head = b"".join(parts)
        self._tail = f"--{self._boundary}--\r\n".encode()
        around = sum(len(head) + len(_LINE_END) for head, _ in self._files)
        known = source.size is not None
        total = len(self._head) + around + (source.size or 0) + len(self._tail)
        self.size = total if known else None

    @property
    def content_type(self) -> str:
        """The header Content-Type."""
        return f"multipart/form-data; boundary={self._boundary}"

    def headers(self) -> dict[str, str]:
        """The headers that describe the form. Without a known size, it is sent in chunks."""
        length = {"Content-Length": str(self.size)} if self.size is not None else {}
        return {"Content-Type": self.content_type, **length}

    def chunks(self) -> Generator[bytes, None, None]:
        """Read the form from its start; `report` has to follow when a chunk has been sent."""
        self._position, self._reported = 0, -1
        before = self._head
        for head, source in self._files:
            yield before + head
            for chunk in source.chunks():
                self._position += len(chunk)
                yield chunk
            before = _LINE_END
        yield _LINE_END + self._tail

    def report(self) -> None:
        """Report the progress of the file, up to the last chunk that was read."""
        if self._position != self._reported:
            self._reported = self._position
            self.furthest = max(self.furthest, self._position)
            if self._on_progress is not None:
                self._on_progress(self._position, self.source.size)

    def _file_head(self, part: str, source: Source) -> bytes:
        disposition = f'name="{part}"; filename="{_quoted(source.name)}"'
        return self._part(disposition + "\r\nContent-Type: application/octet-stream")

    def _part(self, disposition: str) -> bytes:
        return (
            f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
        )


def _readable_size(path: Path) -> int | None:
    """The size of a file; None for a pipe, a device such as /dev/zero, or a file in /proc.

    Raises OSError if it cannot be read, before anything is sent.
    """
    if path.is_fifo() or path.is_char_device():
        return None
    with path.open("rb") as stream:
        try:
            return stream.seek(0, os.SEEK_END)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ESPIPE):
                return None
            raise


def _quoted(name: str) -> str:
    """A file name inside the quotes of a header, as browsers write it."""
    plain = name.encode(errors="replace").decode()
    return plain.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
