"""Changes API_TOKENS_FILE: adds and removes tokens. Comments and other lines stay as they are."""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from server.auth.token_entries import Token, TokensError
from server.auth.tokens import parse_token_lines
from storage.files.disk import sync_name

_CANNOT_REPLACE = {errno.EBUSY, errno.EXDEV}
"""Errors of replacing a file that is mounted by itself, as Docker mounts a single file."""


def add_token(file: Path, token: Token) -> None:
    """Add a token to a file, which is created for its owner alone if there is none.

    Raises TokensError, for example if the name is there already, and OSError.
    """

    def added(text: str) -> str:
        names = [line.strip().partition(":")[0] for line in text.splitlines()]
        if token.caller.name in names:
            raise TokensError(
                f"it has a token {token.caller.name} already: revoke that one first, or choose"
                " another name"
            )
        line_end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{line_end}{token.line()}\n"

    _change(file, added)


def revoke_token(file: Path, name: str) -> None:
    """Remove the token of a name from a file.

    Raises TokensError, for example if there is no such token or no other one, and OSError.
    """

    def without(text: str) -> str:
        names = [token.caller.name for token in parse_token_lines(text)]
        if name not in names:
            raise TokensError(f"it has no token {name}; it has {', '.join(map(str, names))}")
        if len(names) == 1:
            raise TokensError(
                f"{name} is its only token, and a listener refuses a file without tokens: add"
                " another token first"
            )
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if line.strip().partition(":")[0] != name)

    _change(file, without)


def _change(file: Path, change: Callable[[str], str]) -> None:
    """Replace the text of a file, at once and durably. The new text must be valid."""
    file = file.resolve()
    with _locked(file.parent):
        mark, text = "", ""
        if file.exists():
            text = file.read_text("utf-8")
            mark = text[:1] if text.startswith("\ufeff") else ""
        new = change(text.removeprefix(mark))
        parse_token_lines(new)
        _replace(file, (mark + new).encode())


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """A block that only one program at a time runs for a folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(file: Path, content: bytes) -> None:
    """Write a file under another name, and give it the name. It keeps its mode and its owner."""
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}-", delete=False) as new:
        try:
            new.write(content)
            new.flush()
            if file.exists():
                status = file.stat()
                os.fchmod(new.fileno(), status.st_mode & 0o7777)
                with contextlib.suppress(PermissionError):  # only root may give files away
                    os.fchown(new.fileno(), status.st_uid, status.st_gid)
            os.fsync(new.fileno())
            os.replace(new.name, file)
        except OSError as error:
            os.unlink(new.name)
            if error.errno not in _CANNOT_REPLACE:
                raise
            file.write_bytes(content)
    sync_name(file)
