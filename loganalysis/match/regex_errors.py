"""Explains why RE2 refuses a regex, with the text and the position that its author wrote.

RE2's own messages name no position, and use its own terms.
"""

from collections.abc import Callable

from loganalysis.match.regex_text import TOKEN

Explanation = tuple[str, int | None]
"""What is wrong, to follow "is not a valid regex: ", and the position of a character, if known."""

MAX_REPEATS = 1000
"""How often RE2 repeats something at most, also by nested repetitions."""

_GROUPS = {
    "(?=": "look-ahead is not supported (RE2)",
    "(?!": "look-ahead is not supported (RE2)",
    "(?<=": "look-behind is not supported (RE2)",
    "(?<!": "look-behind is not supported (RE2)",
    "(?P=": "back-references are not supported (RE2)",
    "(?>": "atomic groups are not supported (RE2)",
    "(?#": "comments are not supported (RE2)",
    "(?(": "conditions are not supported (RE2)",
    "(?x": "the flag x is not supported (RE2)",
    "(?R": "recursion is not supported (RE2)",
    "(?&": "recursion is not supported (RE2)",
    "(?P>": "recursion is not supported (RE2)",
    "(?|": "the branch reset (?| is not supported (RE2)",
}
_BACK_REFERENCES = tuple(f"\\{char}" for char in "123456789gk")


def explain(message: str, text: str) -> Explanation:
    """Explain RE2's error message about the regex `text`."""
    if (len(text) - len(text.rstrip("\\"))) % 2:
        return r"it ends with a single \; write \\ to search for one", len(text) - 1
    kind, _, part = message.partition(": ")
    explanation = _EXPLANATIONS.get(kind)
    return explanation(part, text) if explanation else ("RE2 does not understand it", None)


def unbalanced(text: str) -> Explanation | None:
    r"""The first parenthesis that has no partner, None if there is none.

    It may be mistaken about a text with \Q.
    """
    opened: list[int] = []
    for token in TOKEN.finditer(text):
        if token.lastgroup == "open":
            opened.append(token.start())
        elif token.lastgroup == "close":
            if not opened:
                return r") closes nothing; write \) to search for one", token.start()
            opened.pop()
    return (r"( is not closed; write \( to search for one", opened[0]) if opened else None


def _parenthesis(_: str, text: str) -> Explanation:
    return unbalanced(text) or ("its parentheses do not match", None)


def _bracket(part: str, text: str) -> Explanation:
    return r"[ is not closed; write \[ to search for one", _position(part, text)


def _group(part: str, text: str) -> Explanation:
    for token in TOKEN.finditer(text):
        known = [start for start in _GROUPS if text.startswith(start, token.start())]
        if token.lastgroup == "open" and known:
            return _GROUPS[max(known, key=len)], token.start()
    return unbalanced(text) or (f"{part} begins no group of RE2", _position(part, text))


def _escape(part: str, text: str) -> Explanation:
    at = _position(part, text)
    if part.startswith(_BACK_REFERENCES):
        return "back-references are not supported (RE2)", at
    hint = r"; write a character as \x{e9}" if part[:2] in (r"\u", r"\U", r"\x", r"\N") else ""
    return f"the escape {part[:2]} is not valid{hint}", at


def _class(part: str, text: str) -> Explanation:
    if part.startswith(("[:", r"\p", r"\P")):
        return f"the character class {part} does not exist", _position(part, text)
    return f"the range {part} ends before it begins", _position(part, text)


def _operator_without_argument(part: str, text: str) -> Explanation:
    return rf"{part} has nothing to repeat; write \{part} to search for it", _only(part, text)


def _double_operator(part: str, text: str) -> Explanation:
    return f"{part} repeats a repetition, which is not supported (RE2)", _only(part, text)


def _size(part: str, text: str) -> Explanation:
    low, _, high = part.strip("{}").partition(",")
    if low.isdigit() and high.isdigit() and int(low) > int(high):
        return f"{part} has a minimum above its maximum", _only(part, text)
    return f"{part} repeats more than {MAX_REPEATS} times in all", _only(part, text)


def _name(_: str, text: str) -> Explanation:
    return "the name of a group is not valid, or not closed by >", _position("(?P<", text)


def _too_large(_: str, text: str) -> Explanation:
    return "it is too large", None


def _position(part: str, text: str) -> int | None:
    """The first place of `part` that is not behind a backslash, None if it is not known."""
    starts = (token.start() for token in TOKEN.finditer(text))
    at = next((at for at in starts if text.startswith(part, at)), None)
    return _only(part, text) if at is None else at


def _only(part: str, text: str) -> int | None:
    """The place of `part` if it occurs once, else None."""
    return text.find(part) if text.count(part) == 1 else None


_EXPLANATIONS: dict[str, Callable[[str, str], Explanation]] = {
    "missing )": _parenthesis,
    "unexpected )": _parenthesis,
    "missing ]": _bracket,
    "invalid perl operator": _group,
    "invalid escape sequence": _escape,
    "invalid character class range": _class,
    "no argument for repetition operator": _operator_without_argument,
    "bad repetition operator": _double_operator,
    "invalid repetition size": _size,
    "invalid named capture group": _name,
    "pattern too large - compile failed": _too_large,
}
"""By the beginning of RE2's message."""
