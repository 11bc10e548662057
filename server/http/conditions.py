"""Conditional requests: If-Match and If-None-Match (RFC 9110, section 13). Imports only `problems`,
`codes` and `compression`.

              If-Match                         If-None-Match
    holds     if a tag is equal, or for `*`    if no tag is equal, and never for `*`
    compares  strongly: W/"a" equals nothing   weakly: W/"a" equals "a"
    or else   412                              304 for GET and HEAD, 412 for other methods
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.http.codes import Code
from server.http.compression import plain_etag
from server.http.problems import Problem, malformed

ANY = "*"
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}[ \t]*(?:,[ \t,]*(?:{_TAG}[ \t]*|$))*")
_ONE = re.compile(_TAG)


@dataclass(frozen=True)
class Conditions:
    """The tags in If-Match and If-None-Match; None for a header that the request does not have.

    They are the ETags of plain responses. ETags of compressed responses are replaced by these.
    """

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    def is_new(self, etag: str | None) -> bool:
        """Return whether If-None-Match holds for a resource with this tag, None for no resource."""
        if self.none_match is None or etag is None:
            return True
        return {tag.removeprefix("W/") for tag in self.none_match}.isdisjoint({ANY, etag})

    def require_match(self, etag: str | None) -> None:
        """Raise Problem 412 unless If-Match holds for such a resource."""
        if self.match is not None and (etag is None or self.match.isdisjoint({ANY, etag})):
            detail = "If-Match does not contain the present ETag of the resource"
            raise Problem(Code.PRECONDITION_FAILED, detail)

    def require(self, etag: str | None) -> None:
        """Raise Problem 412 unless both conditions hold for such a resource."""
        self.require_match(etag)
        if not self.is_new(etag):
            detail = "If-None-Match excludes the present ETag of the resource"
            raise Problem(Code.PRECONDITION_FAILED, detail)

    def with_tags(self, change: Callable[[str], str]) -> "Conditions":
        """Return the same conditions with changed tags."""
        tags = (self.match, self.none_match)
        return Conditions(*(each and frozenset(map(change, each)) for each in tags))


ALWAYS = Conditions()
"""The conditions of a request without these headers."""


def conditions_of(headers: Mapping[str, str], is_read: bool = False) -> Conditions:
    """Parse the conditions of a request. Raises Problem 400.

    Reading a resource ignores a malformed If-None-Match, since a whole response is never wrong.
    """
    try:
        none_match = _tags(headers, "If-None-Match")
    except Problem:
        if not is_read:
            raise
        none_match = None
    return Conditions(_tags(headers, "If-Match"), none_match)


def _tags(headers: Mapping[str, str], name: str) -> frozenset[str] | None:
    value = headers.get(name)
    if value is None:
        return None
    if value.strip() == ANY:
        return frozenset({ANY})
    if not _LIST.fullmatch(value):
        raise malformed(f'{name} must be * or a list of ETags in double quotes, such as "abc"')
    return frozenset(map(plain_etag, _ONE.findall(value)))
