"""The part of a file that a request asks for with Range and If-Range (RFC 9110, section 14).

Range                          response
none, malformed, several       200, the whole file
bytes=0-99, bytes=100-,        206, this part
bytes=-100 (the last 100)
behind the end of the file     416
"""

import re
from collections.abc import Mapping

from server.http.codes import Code
from server.http.problems import Problem

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,40})-(\d{0,40})[ \t]*", re.ASCII | re.IGNORECASE)


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
