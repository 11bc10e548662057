"""Reads the text of a regex: refuses some syntax, and finds literals that every match contains.

It understands just enough of RE2's syntax to be certain. Where it is not, it finds no literal,
which makes the search slower but not wrong.
"""

import re

from loganalysis.read.errors import PatternError

# Syntax for the ends of the whole text, or to unset multi-line: results would depend on windows.
_REFUSED = re.compile(r"\\[AzZCQ]|\(\?[a-zA-Z]*-[a-zA-Z]*m|\(\?-m")
TOKEN = re.compile(
    r"""
      (?P<escaped> \\[^\w\s] )                # a quoted character
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
_FOLDS_BEYOND_ASCII = frozenset("kKsS")  # RE2's (?i) matches the Kelvin sign and the long s, too
_MAX_BRANCHES = 8
_MAX_LITERAL_BYTES = 64


def check_regex(index: int, text: str) -> None:
    """Raise PatternError for syntax whose matches would depend on where a window ends."""
    if not _REFUSED.search(text):
        return
    for token in TOKEN.finditer(text):
        refused = _REFUSED.match(text, token.start())
        if refused and token.lastgroup in ("escape", "open"):
            problem = f"holds {refused.group()}, which has no meaning line by line"
            raise PatternError(index, problem, refused.start())


def before_line_end(text: str) -> str:
    """The regex with "$" also before the CR of lines that end with CR and LF."""
    if "$" not in text:
        return text
    tokens = (token.group() for token in TOKEN.finditer(text))
    return "".join(r"(?:\r?$)" if token == "$" else token for token in tokens)


def words_regex(text: str) -> str:
    """The regex for matches that are whole words; "$" is also before the CR of CRLF.

    An alternative that ends with "$" ends its word before the CR, since no word ends behind it.
    """
    alternatives = _alternatives(text)
    if len(alternatives) > 1 and _has_flags(text):  # a flag holds for all alternatives behind it
        return rf"\b(?:{before_line_end(text)})\b"
    return "|".join(map(_words, alternatives))


def _words(tokens: list[str]) -> str:
    ends = tokens[-1:] == ["$"]
    body = before_line_end("".join(tokens[:-1] if ends else tokens))
    return rf"\b(?:{body})\b" + ends * r"\r?$"


def _alternatives(text: str) -> list[list[str]]:
    """The tokens of each alternative outside of groups."""
    found: list[list[str]] = [[]]
    depth = 0
    for token in TOKEN.finditer(text):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if token.lastgroup == "or" and not depth:
            found.append([])
        else:
            found[-1].append(token.group())
    return found


def _has_flags(text: str) -> bool:
    """Whether a group may begin with more than "?:", such as flags or a name."""
    return "(?" in text.replace("(?:", "")


def word_regex(text: bytes, ignore_case: bool) -> str:
    """A regex for a text as a whole word, with ASCII letters in either case if `ignore_case`."""
    chars = (re.escape(char) for char in text.decode())
    if ignore_case:
        chars = (_either_case(char) for char in text.decode())
    return rf"(?m)\b(?:{''.join(chars)})\b"


def _either_case(char: str) -> str:
    if char.isascii() and char.isalpha():
        return f"[{char.lower()}{char.upper()}]"
    return re.escape(char)


def required_literals(text: str, ignore_case: bool) -> tuple[tuple[bytes, ...], bytes]:
    """(prefixes, required): each match begins with a prefix, and contains `required` later.

    They are in lower case if `ignore_case`, and empty if none is known.
    """
    if _has_flags(text) or "\\Q" in text:
        return (), b""
    runs = _runs(text, ignore_case)
    prefixes = [run for position, run in runs if position == 0]
    prefixes = prefixes or _branches(text, ignore_case, dict(runs))
    longest = max((run for position, run in runs if position > 0), key=len, default="")
    cut = slice(_MAX_LITERAL_BYTES)
    return tuple(each.encode()[cut] for each in prefixes), longest.encode()[cut]


def _branches(text: str, ignore_case: bool, runs: dict[int, str]) -> list[str]:
    """The literals of "(ERROR|FATAL) ..." or "ERROR|FATAL", each with the run that follows it."""
    found = _BRANCHES.match(text)
    branches = (found["group"] or found["all"]).split("|") if found else []
    if not found or len(branches) > _MAX_BRANCHES or _folds_widely("".join(branches), ignore_case):
        return []
    if found["group"] and _has_alternatives(text):
        return []
    after = runs.get(found.end(), "")
    return [(each.lower() if ignore_case else each) + after for each in branches]


def _has_alternatives(text: str) -> bool:
    """Whether the whole regex has alternatives, outside of all groups."""
    return len(_alternatives(text)) > 1


def _runs(text: str, ignore_case: bool) -> list[tuple[int, str]]:
    """(position, literal) of all literals outside of groups; none if there are alternatives."""
    runs: list[tuple[int, str]] = []
    if _has_alternatives(text):
        return []
    run, start, depth = "", 0, 0
    for token in TOKEN.finditer(text):
        kind, char = token.lastgroup, token.group()
        if kind in ("open", "close"):
            depth += 1 if kind == "open" else -1
        if depth or kind not in ("char", "escaped") or _folds_widely(char, ignore_case):
            runs.append((start, run[:-1] if kind in ("optional", "plus") else run))
            run = ""
            continue
        start = start if run else token.start()
        run += char[-1].lower() if ignore_case else char[-1]
    return [found for found in [*runs, (start, run)] if found[1]]


def _folds_widely(char: str, ignore_case: bool) -> bool:
    """Whether RE2 folds letters of the text to others than ASCII letters in the other case."""
    return ignore_case and (not char.isascii() or not _FOLDS_BEYOND_ASCII.isdisjoint(char))
