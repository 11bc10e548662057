"""Removes from texts the secrets of this environment, and all that looks like a secret."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from admin.doctor.findings.setting_names import secret_names

REMOVED = "(removed)"
MIN_LENGTH = 5
"""A shorter value is only removed where its form gives it away, such as in an address."""
_READ_BYTES = 65536
_PASSWORD = re.compile(r"(?<=://)[^\s/@\"']*:[^\s@\"']*(?=@)")
_IN_QUERY = re.compile(r"(?:password|secret|token)=([^&]*)")
_PATTERNS = (
    re.compile(r"\bjst_[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?<=sha256:)[0-9a-fA-F]{64}"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"),
    re.compile(r"(?i)(?<=X-Amz-Signature=)[0-9a-f]+"),
    re.compile(r"(?i)(?<=X-Amz-Credential=)[^&\s\"']+"),
    re.compile(r"(?i)(?:(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=token=))[^&\s\"',;]+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"),
)


class Redactor:
    """Replaces secrets in texts by REMOVED."""

    def __init__(self, environ: Mapping[str, str], data_dir: Path | None):
        """`data_dir` may have the key of cookies; None if it is unknown."""
        values = {*_of_environment(environ)}
        if data_dir:
            values |= {*_of_file(data_dir / "cookie.key")}
        forms = {form for value in values if len(value) >= MIN_LENGTH for form in _forms(value)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """Return a text without secrets."""
        text = _PASSWORD.sub(REMOVED, text)
        if self._known:
            text = self._known.sub(REMOVED, text)
        for pattern in _PATTERNS:
            text = pattern.sub(REMOVED, text)
        return text


def _of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets in the environment, in the files that it names, and in addresses."""
    hidden = secret_names()
    for name, value in environ.items():
        is_hidden = name in hidden or re.search(r"SECRET|TOKEN|PASSW|_KEY\b|CREDENTIAL", name)
        if name.endswith("_FILE") and is_hidden:
            yield from _of_file(Path(value))
        elif is_hidden and "://" not in value:
            yield from _parts(value)
        yield from _of_address(value)


def _of_file(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            data = file.read(_READ_BYTES)
    except (OSError, ValueError):
        return
    yield data.hex()
    for line in data.decode(errors="replace").splitlines():
        yield from _parts(line)
        yield from _of_address(line)


def _parts(text: str) -> Iterator[str]:
    """Yield a secret, and the last parts of entries such as name:role:token or key = value."""
    yield text.strip()
    for entry in text.split(","):
        for separator in (":", "="):
            yield entry.rpartition(separator)[2].strip()


def _of_address(text: str) -> Iterator[str]:
    if "://" not in text:
        return
    try:
        parts = urlsplit(text.strip())
        found = [
            parts.password or "",
            *_IN_QUERY.findall(parts.query),
        ]
    except ValueError:
        found = [text]  # it cannot be read as an address, so all of it may be secret
    yield from filter(None, found)


def _forms(value: str) -> Iterator[str]:
    """Yield a value as it may be written: plain, in an address, and in JSON."""
    yield from (value, unquote(value), quote(value), quote(value, safe=""))
    yield from (
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
    )
