"""Reads the text of a regex: what is refused, and a literal that every match must hold.

It knows just enough of RE2's syntax to be sure of what it says; where it is not, it says that no
literal is needed, which costs time and no correctness.
"""

import itertools
import re

from runner.analysis.input.errors import PatternError

# What asks for the ends of the whole text, or unsets multi-line: windows would show in the result.
_REFUSED = re.compile(r"\\[AzZCQ]|\(\?[a-zA-Z]*-[a-zA-Z]*m|\(\?-m")
TOKEN = re.compile(
    r"""
      (?P<escaped> \\[^\w\s] )                # a quoted sign
    | (?P<escape> \\(?:[pPx]\{[^}]*\} | x.. | [pP]. | [0-7]{1,3} | .) )
    | (?P<class> \[\^?\]?(?: \[:\^?\w+:\] | \\. | [^\]\\] )*\] )
    | (?P<open> \( ) | (?P<close> \) ) | (?P<or> \| )
    | (?P<optional> [*?] | \{\d*,?\d*\} )
    | (?P<plus> \+ )
    | (?P<other> [.^$] )
    | (?P<char> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = r"[^\\()\[\]{}.*+?^$|]+"
_BRANCHES = re.compile(
    rf"\((?:\?:)?(?P<group>{_PLAIN}(?:\|{_PLAIN})+)\)(?![*?{{])|(?P<all>{_PLAIN}(?:\|{_PLAIN})+)\Z"
)
_WIDE = frozenset("kKsS")  # RE2 takes a long s and the sign for Kelvin for them
_MAX_BRANCHES = 8
_MAX_NEEDED = 64  # bytes


def check_regex(index: int, text: str) -> None:
    r"""Refuse what would depend on where a window ends. Raises PatternError."""
    for token in TOKEN.finditer(text):
        refused = _REFUSED.match(text, token.start())
        if refused and token.lastgroup in ("escape", "open"):
            what = refused.group()
            raise PatternError(
                index, f"holds {what}, which has no meaning line by line", refused.start()
            )


def word_regex(text: bytes, ignore_case: bool) -> str:
    """A regex for this text as a whole word; ASCII letters in either case, if asked for."""
    signs = (re.escape(sign) for sign in text.decode())
    if ignore_case:
        signs = (_either(sign) for sign in text.decode())
    return rf"(?m)\b(?:{''.join(signs)})\b"


def _either(sign: str) -> str:
    if sign.isascii() and sign.isalpha():
        return f"[{sign.lower()}{sign.upper()}]"
    return re.escape(sign)


def needed_literals(text: str, ignore_case: bool) -> tuple[tuple[bytes, ...], bytes]:
    """Literals with one of which each match begins, and the longest that all hold elsewhere.

    In lower case if case is ignored. Empty where none is known.
    """
    if "(?" in text.replace("(?:", "") or "\\Q" in text:
        return (), b""
    runs = _runs(text, ignore_case)
    begins = [run for position, run in runs if position == 0]
    begins = begins or _branches(text, ignore_case, dict(runs))
    inside = [run for position, run in runs if position > 0]
    longest = max(inside, key=len, default="")
    return tuple(each.encode()[:_MAX_NEEDED] for each in begins), longest.encode()[:_MAX_NEEDED]


def _branches(text: str, ignore_case: bool, runs: dict[int, str]) -> list[str]:
    """The few literals of "(ERROR|FATAL) ..." or "ERROR|FATAL", with the run that follows them."""
    found = _BRANCHES.match(text)
    branches = (found["group"] or found["all"]).split("|") if found else []
    if not found or len(branches) > _MAX_BRANCHES or _folds_widely("".join(branches), ignore_case):
        return []
    if found["group"] and _has_alternatives(text):
        return []
    after = runs.get(found.end(), "")
    return [(each.lower() if ignore_case else each) + after for each in branches]


def _has_alternatives(text: str) -> bool:
    """Whether there is an alternative to the whole of the regex, outside of all groups."""
    kinds = [token.lastgroup for token in TOKEN.finditer(text)]
    depths = itertools.accumulate((kind == "open") - (kind == "close") for kind in kinds)
    return any(kind == "or" and not depth for kind, depth in zip(kinds, depths, strict=True))


def _runs(text: str, ignore_case: bool) -> list[tuple[int, str]]:
    """Literals outside of all groups, with their position; none if there are alternatives."""
    runs: list[tuple[int, str]] = []
    if _has_alternatives(text):
        return []
    run, begin, depth = "", 0, 0
    for token in TOKEN.finditer(text):
        kind, sign = token.lastgroup, token.group()
        if kind in ("open", "close"):
            depth += 1 if kind == "open" else -1
        if depth or kind not in ("char", "escaped") or _folds_widely(sign, ignore_case):
            runs.append((begin, run[:-1] if kind in ("optional", "plus") else run))
            run = ""
            continue
        begin = begin if run else token.start()
        run += sign[-1].lower() if ignore_case else sign[-1]
    return [found for found in [*runs, (begin, run)] if found[1]]


def _folds_widely(sign: str, ignore_case: bool) -> bool:
    """Letters that RE2 takes for others than the same letter in the other case of ASCII."""
    return ignore_case and (not sign.isascii() or not _WIDE.isdisjoint(sign))
