"""Peels off the text that tools put in front of other programs' lines. Imports nothing of ours.

    colors           ESC[36m … ESC[0m                       any program on a terminal
    docker compose   web-1  | LINE
    kubectl          [pod/web-0/app] LINE                   logs --prefix
    stern            web-7d4b9c-x2x9z app LINE              a time or JSON must follow
    grep             /var/log/app.log:LINE, app.log:17:LINE
    GitHub Actions   build\\tRun tests\\tLINE                gh run view --log; a time must follow

The time of a line may follow one of these texts, also behind one of the texts above:

    load balancers   https LINE                             AWS; a time must follow
    MySQL            # Time: LINE                           its slow log
    RFC 1123         Wed, LINE                              the name of the day; a time must follow

native/time.c is a faster form of it.
"""

import re

WRAPPER_BYTES = 256
"""At the start of a line, in which a wrapper is looked for."""
ANSI = rb"(?:\x1b\[[\d;]*[mK])*"
"""Colors of a terminal."""
_TOOLS = (
    rb"[\w.-]+ +\| ",
    rb"\[[a-z]+/[^\s\]]+\] ",
    rb"[a-z\d.-]+-(?:[a-z\d]{5}|\d+) [a-z\d.-]+ (?=[\d{\[])",
    rb"(?=[\w+-]*[./])[\w./+-]+:(?:\d{1,7}:)?(?=\S)",
    rb"[^\t\n]{1,100}\t[^\t\n]{1,100}\t(?=\d)",
)
_STARTS = (
    rb"(?:https?|h2|grpcs?|wss?) (?=\d)",
    rb"# Time: ",
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?=\d)",
)
_WRAPPER = re.compile(
    rb"(?:\xef\xbb\xbf)?%b(?:%b)?%b(?:%b)?%b"
    % (ANSI, b"|".join(_TOOLS), ANSI, b"|".join(_STARTS), ANSI)
)
_COLORS = re.compile(rb"\x1b\[[\d;]*[mK]")
_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) std(?:out|err) [FP] ")


def after_wrapper(line: bytes) -> int:
    """The position behind the wrapper of a line; 0 without one."""
    found = _WRAPPER.match(line, 0, WRAPPER_BYTES)
    return found.end() if found else 0


def peeled(line: bytes) -> tuple[bytes | None, bytes]:
    """The time that a container runtime has put in front of a line, if it has, and the line."""
    line = _COLORS.sub(b"", line) if b"\x1b" in line else line
    if found := _CRI.match(line):
        return found[1], line[found.end() :]
    return None, line if line[:1].isdigit() else line[after_wrapper(line) :]
