"""API tokens, read from the settings. Only their SHA-256 hashes are kept in memory.

API_TOKENS        name:role:token, name:role:sha256:HEX, …
API_TOKENS_FILE   one such entry a line; blank lines and lines that begin with # are ignored
"""

import contextlib
import errno
import fcntl
import hmac
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from server.auth.token_entries import (
    MAX_TOKEN_LENGTH,
    Token,
    TokensError,
    digest_of,
    parse_all,
    require_unique,
    utc,
)
from storage.files.disk import sync_name

log = logging.getLogger(__name__)

FILE_CHECK_SECONDS = 1.0
"""Time between two checks whether the file has changed."""

_CANNOT_REPLACE = {errno.EBUSY, errno.EXDEV}
"""Errors of replacing a file that is mounted by itself, as Docker mounts a single file."""


def parse_tokens(text: str) -> list[Token]:
    """Parse the value of API_TOKENS. Raises TokensError."""
    return parse_all([(f"entry {at}", entry) for at, entry in enumerate(text.split(","), 1)])


def read_token_file(path: Path) -> list[Token]:
    """Read the file that API_TOKENS_FILE names. Raises TokensError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise TokensError(f"it cannot be read: {error.strerror}") from None
    except ValueError:
        raise TokensError("it is not UTF-8") from None
    return parse_token_lines(text)


def parse_token_lines(text: str) -> list[Token]:
    """Parse the text of a file of tokens. Raises TokensError."""
    entries = [(f"line {at}", line) for at, line in enumerate(text.splitlines(), 1)]
    return parse_all([(at, line) for at, line in entries if not line.strip().startswith("#")])


class Tokens:
    """The tokens that are valid now.

    The file is read again when it changes. If the changed file is invalid, the previous tokens stay
    valid, and the error is logged.
    """

    def __init__(
        self,
        fixed: Sequence[Token],
        file: Path | None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ):
        """`fixed` are the tokens of API_TOKENS. `wall_clock` is in seconds since 1970, and ends
        tokens. Raises TokensError if the file is invalid."""
        self._fixed = tuple(fixed)
        self._file = file
        self._clock = clock
        self._wall_clock = wall_clock
        self._version = _file_version(file)
        self._next_check = clock() + FILE_CHECK_SECONDS
        self._tokens = self._read()
        self._next_expiry = self._find_next_expiry()
        self._changes = 0

    @property
    def changes(self) -> int:
        """How often the tokens have changed. The end of a token is a change."""
        self._current()
        return self._changes

    def find_any(self, text: str) -> Token | None:
        """Return the token with this text, even if it has expired, or None.

        Always compares with every token, so that the time does not depend on which one matches.
        """
        if len(text) > MAX_TOKEN_LENGTH:
            return None
        digest, found = digest_of(text), None
        for token in self._current():
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def by_name(self, name: str) -> Token | None:
        """Return the valid token of the caller with this name, or None."""
        valid = (token for token in self._current() if not self.has_expired(token))
        return next((token for token in valid if token.caller.name == name), None)

    def has_expired(self, token: Token) -> bool:
        """Whether a token is not valid any more."""
        return token.has_expired(self._wall_clock())

    def _current(self) -> tuple[Token, ...]:
        if self._file is not None and self._clock() >= self._next_check:
            self._next_check = self._clock() + FILE_CHECK_SECONDS
            self._read_if_changed()
        if self._next_expiry is not None and self._next_expiry <= self._wall_clock():
            log.warning("a token has expired", extra={"expired_at": utc(self._next_expiry)})
            self._next_expiry = self._find_next_expiry()
            self._changes += 1
        return self._tokens

    def _find_next_expiry(self) -> float | None:
        now = self._wall_clock()
        coming = [each.expires_at for each in self._tokens if not each.has_expired(now)]
        return min((each for each in coming if each is not None), default=None)

    def _read_if_changed(self) -> None:
        version = _file_version(self._file)
        if version == self._version:
            return
        self._version = version
        try:
            self._tokens = self._read()
        except TokensError as error:
            log.error("API_TOKENS_FILE cannot be used", extra={"reason": str(error)})
        else:
            self._next_expiry = self._find_next_expiry()
            self._changes += 1
            log.info("API_TOKENS_FILE was read again", extra={"tokens": len(self._tokens)})

    def _read(self) -> tuple[Token, ...]:
        tokens = (*self._fixed, *(read_token_file(self._file) if self._file else ()))
        require_unique(tokens)
        return tokens


def _file_version(file: Path | None) -> tuple[int, ...] | None:
    """A value that differs after each change of the file. None if the file does not exist."""
    try:
        status = None if file is None else file.stat()
    except OSError:
        return None
    return status and (status.st_mtime_ns, status.st_size, status.st_ino)


def add_token(file: Path, token: Token) -> None:
    """Add a token to a file, which is created for its owner alone if there is none. Comments and
    other lines stay as they are.

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
