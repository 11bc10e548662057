"""The names in the head of a form's part: its field, and its file (RFC 7578, RFC 8187).

The parser must decode heads as Latin-1, so that every byte is kept. Most clients send UTF-8.
"""

import re
import unicodedata
from urllib.parse import unquote_to_bytes

from multipart import MultipartSegment, content_disposition_unquote

HEAD_CHARSET = "latin-1"
MAX_NAME_LENGTH = 255
_CHARSETS = ("utf-8", "iso-8859-1")
"""The encodings that RFC 8187 names for `filename*`."""
_PARAMETER = re.compile(r';\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
"""A parameter of a header: its name and its value, which may be in quotes."""
_HIDDEN = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"])
"""Unicode categories of invisible characters, direction marks and line ends."""


def field_name(part: MultipartSegment) -> str:
    """The name of the part's field; empty if it has none."""
    return _text(part.name or "")


def file_name(part: MultipartSegment) -> str | None:
    """The name of the part's file for lists and logs, None if it is no file.

    `filename*` is preferred to `filename`. The name is never used as a path.
    """
    found = _PARAMETER.findall(part.header("Content-Disposition"))
    given = {name.lower(): value.strip() for name, value in found}
    extended = _extended(given.get("filename*", "").strip('"'))
    if extended is not None:
        return display_name(extended)
    plain = part.filename
    if plain is None and "filename" in given:  # the parser knows no unquoted Latin-1
        plain = content_disposition_unquote(given["filename"], True)
    return None if plain is None else display_name(_text(plain))


def display_name(name: str) -> str:
    """The client's name for its file, made safe for lists and logs. It is never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in _HIDDEN)
    shown = shown.strip()[:MAX_NAME_LENGTH]
    return shown if shown.strip(". ") else "unnamed"


def _extended(value: str) -> str | None:
    """Decode a value such as UTF-8''na%C3%AFve.log (RFC 8187). None if it is not one."""
    charset, _, rest = value.partition("'")
    _, quote, encoded = rest.partition("'")
    if not quote or charset.lower() not in _CHARSETS:
        return None
    return unquote_to_bytes(encoded).decode(charset, errors="replace")


def _text(value: str) -> str:
    """Decode a text of the head, which is UTF-8 or else Latin-1."""
    try:
        return value.encode(HEAD_CHARSET).decode()
    except UnicodeDecodeError:
        return value
