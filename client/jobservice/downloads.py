"""Writes a download to a stream, or to a file that appears when it is complete.

A broken download continues where it stopped, if the file of the service is still the same. Does no
network input or output.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from jobservice.errors import FileDamaged

Target = str | os.PathLike[str] | BinaryIO | None
"""Where a download goes: a path, a folder, a binary stream, or None for the current folder. In a
folder, the service names the file. A text that ends with a slash is a folder, and is made."""
DownloadProgress = Callable[[int, int | None], object]
"""Is called with the bytes received and the bytes in all, which is None if unknown."""

CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile('"([0-9a-f]{64})"')
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_ENCODED = re.compile(r"filename\*=UTF-8''([^;]*)", re.IGNORECASE)
_QUOTED = re.compile(r'filename="([^"]*)"', re.IGNORECASE)
_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


class Download:
    """One file that is received, over as many connections as it takes.

    received: the bytes that were written so far.
    size: the bytes in all, None as long as that is unknown.
    sha256: the digest of all bytes in hexadecimal, once it is complete.
    path: the file that was written; None for a stream.
    is_there: whether the file was there already, with equal bytes, so that nothing is received.
    """

    def __init__(self, target: Target, on_progress: DownloadProgress | None = None):
        self._target, self._on_progress = target, on_progress
        self.received = 0
        self.size: int | None = None
        self.sha256 = ""
        self.path: Path | None = None
        self.is_there = False
        self._etag: str | None = None
        self._digest = hashlib.sha256()
        self._to_skip = 0
        self._stream: BinaryIO | None = None
        self._part: Path | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers of the next request: after a break, it asks for the missing bytes."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self.received and self._etag:
            headers |= {"Range": f"bytes={self.received}-", "If-Range": self._etag}
        return headers

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Take the head of a response with status 200 or 206; `headers` has lower-case names.

        Raises OSError if the file cannot be written.
        """
        etag, self._to_skip = headers.get("etag"), 0
        part = _RANGE.match(headers.get("content-range", "")) if status == 206 else None
        length = headers.get("content-length", "")
        self.size = int(part[2]) if part else int(length) if length.isdecimal() else None
        if self._stream is None:
            self._open(_name_of(headers.get("content-disposition", "")), etag)
        elif part is None:
            if etag and etag == self._etag:
                self._to_skip = self.received  # something on the way ignores Range
            else:
                self._restart()
        elif int(part[1]) != self.received:
            raise FileDamaged(f"bytes from {self.received} on were asked for, not from {part[1]}")
        self._etag = etag

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises OSError if they cannot be written."""
        assert self._stream
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        new = data[skipped:]
        self._stream.write(new)
        self._digest.update(new)
        self.received += len(new)
        if self._on_progress:
            self._on_progress(self.received, self.size)

    def finish(self) -> None:
        """Check the complete file, and let it appear under its name.

        Raises FileDamaged if it is not what the service has stored, and OSError.
        """
        if self.is_there:
            return
        expected = _DIGEST.fullmatch(self._etag or "")
        self.sha256 = self._digest.hexdigest()
        if expected and expected[1] != self.sha256:
            raise FileDamaged("the bytes that arrived are not those that the service has stored")
        assert self._stream
        self._stream.flush()
        if self._part and self.path:
            self._stream.close()
            if self._names_file():
                _require_new(self.path)
            self._part.replace(os.path.realpath(self.path))
            self._part = None

    def abort(self) -> None:
        """Remove what was written to a file. May also be called after `finish`."""
        if self._stream and self.path:
            with contextlib.suppress(OSError):
                self._stream.close()
        if self._part:
            self._part.unlink(missing_ok=True)

    def _open(self, name: str, etag: str | None) -> None:
        target = self._target
        if target is not None and not isinstance(target, (str, os.PathLike)):
            self._stream = target
            return
        path = Path(target or ".")
        if os.fspath(target or ".").endswith(_SEPARATORS):
            path.mkdir(parents=True, exist_ok=True)
        self.path = path / name if path.is_dir() else path
        if self._names_file():
            if self._take_existing(self.path, etag):
                return
            _require_new(self.path)
        if self.path.exists() and not self.path.is_file():
            self._stream = self.path.open("wb")  # such as /dev/null, which must stay what it is
            return
        goal = Path(os.path.realpath(self.path))
        part = goal.with_name(f".{goal.name[:100]}.{secrets.token_hex(4)}.part")
        try:
            self._stream = part.open("xb")
        except OSError as error:
            error.filename = str(self.path)  # the name that its reader knows
            raise
        self._part = part

    def _take_existing(self, path: Path, etag: str | None) -> bool:
        """Finish with the file that is there, if it has the bytes that are about to arrive."""
        digest = _DIGEST.fullmatch(etag or "")
        if self.size is None or digest is None or not has_bytes(path, self.size, digest[1]):
            return False
        self.is_there, self.received, self.sha256 = True, self.size, digest[1]
        return True

    def _names_file(self) -> bool:
        """Whether the service has chosen the name, so that no other file may be replaced."""
        return self.path is not None and self.path != Path(str(self._target or "."))

    def _restart(self) -> None:
        """Begin again, because the file of the service has changed."""
        if not self.received:
            return
        if not self._part:
            raise FileDamaged("the connection broke, and the file cannot be continued")
        assert self._stream
        self._stream.seek(0)
        self._stream.truncate()
        self._digest, self.received = hashlib.sha256(), 0


def has_bytes(path: Path, size: int, sha256: str) -> bool:
    """Return whether a path is a regular file with this size and digest."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(CHUNK_BYTES):
            digest.update(data)
    return digest.hexdigest() == sha256


def _require_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists already: name the file to write")


def _name_of(disposition: str) -> str:
    """The file name in Content-Disposition, as a name that is safe in a folder."""
    encoded, quoted = _ENCODED.search(disposition), _QUOTED.search(disposition)
    name = unquote(encoded[1]) if encoded else quoted[1] if quoted else ""
    return safe_name(name)


def safe_name(name: str) -> str:
    """Return a name that is safe in a folder: no separators, no hidden file, no `..`."""
    return _UNSAFE.sub("_", name).strip(". ")[:200] or "file"
