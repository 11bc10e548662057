"""The header Content-Disposition (RFC 6266), with file names in any language (RFC 8187)."""

import re
from urllib.parse import quote

from storage.records.job_file import CONTROL_CHARACTERS

_PLAIN = re.compile(r"[^ !#$&+,.:;=@A-Za-z0-9^_`{}~()\[\]-]")
"""Characters that some browser reads differently within quotes: quotes and backslashes end or
escape text, some browsers decode percent signs, and slashes look like folders."""
_CONTROL = re.compile(f"[{CONTROL_CHARACTERS}]")
_ATTRIBUTE = "!#$&+-.^_`|~"
"""Characters that need no percent sign, besides letters and digits."""
_MAX_NAME = 255


def content_disposition(kind: str, name: str) -> str:
    """Return the value of the header. `kind` is "attachment" or "inline".

    `name` may be a path, of which only the last part is kept. Clients that know nothing but ASCII
    get a name with `_` for other characters.
    """
    base = _CONTROL.sub("_", re.split(r"[/\\]", name)[-1][-_MAX_NAME:]).strip()
    if base in ("", ".", ".."):
        base = "file"
    plain = _PLAIN.sub("_", base)
    if plain == base:
        return f'{kind}; filename="{base}"'
    encoded = quote(base, safe=_ATTRIBUTE, errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
