"""The headers of downloads.

Content-Disposition (RFC 6266) has the name of the file, in any language (RFC 8187). Range and
If-Range (RFC 9110, section 14) ask for a part of it:

Range                          response
none, malformed, several       200, the whole file
bytes=0-99, bytes=100-,        206, this part
bytes=-100 (the last 100)
behind the end of the file     416
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from server.http.codes import Code
from server.http.problems import Problem
from storage.records.job_file import CONTROL_CHARACTERS

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,40})-(\d{0,40})[ \t]*", re.ASCII | re.IGNORECASE)

_PLAIN = re.compile(r"[^ !#$&+,.:;=@A-Za-z0-9^_`{}~()\[\]-]")
"""Characters that some browser reads differently within quotes: quotes and backslashes end or
escape text, some browsers decode percent signs, and slashes look like folders."""
_CONTROL = re.compile(f"[{CONTROL_CHARACTERS}]")
_ATTRIBUTE = "!#$&+-.^_`|~"
"""Characters that need no percent sign, besides letters and digits."""
_MAX_NAME = 255


def wanted_range(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last of the part to send; None for all bytes.

    `etag` is the strong ETag of the file: if If-Range differs, the client has a part of another
    file and gets all of this one. `size` is the size of the file in bytes. Raises Problem 416.
    """
    match = _RANGE.fullmatch(headers.get("Range", "").strip())
    if not match or headers.get("If-Range", etag).strip() != etag:
        return None
    first, last = match[1], match[2]
    if first:
        start, end = int(first), int(last) + 1 if last else size
        if end <= start and last:
            return None  # malformed
    elif last:
        start, end = max(0, size - int(last)), size
        if size == 0 and int(last):
            return None  # all of an empty file, which has no range that could be named
    else:
        return None
    if start >= size:
        detail = f"the file has {size} bytes, and the range begins behind them"
        raise Problem(Code.RANGE_REFUSED, detail, headers={"Content-Range": f"bytes */{size}"})
    return start, min(end, size)


def content_disposition(kind: str, name: str) -> str:
    """Return the value of the header. `kind` is "attachment" or "inline".

    `name` may be a path: only its last part is kept. Clients that know nothing but ASCII get a name
    with `_` for other characters.
    """
    base = _CONTROL.sub("_", re.split(r"[/\\]", name)[-1][-_MAX_NAME:]).strip()
    if base in ("", ".", ".."):
        base = "file"
    plain = _PLAIN.sub("_", base)
    if plain == base:
        return f'{kind}; filename="{base}"'
    encoded = quote(base, safe=_ATTRIBUTE, errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
