"""docs/pattern-sets.md, made from the built-in pattern sets.

python -m tests.support.pattern_sets_page        writes the page
"""

import re

from loganalysis import BUILT_IN
from loganalysis.pattern_sets.pattern import BuiltInPattern, BuiltInSet
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "pattern-sets.md"
HEAD = (ROOT / "tests" / "support" / "pattern_sets_page.md").read_text()
_SPAN = re.compile(r"^ | $")


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEAD, *map(_section, BUILT_IN.values())])


def _section(found: BuiltInSet) -> str:
    rows = [f"| {each.name} | {_pattern(each)} |" for each in found.patterns]
    table = ["| pattern | finds |", "|---|---|", *rows]
    return "\n".join([f"### {found.name}", "", f"{found.description}.", "", *table]) + "\n"


def _pattern(each: BuiltInPattern) -> str:
    if each.all:
        return " and ".join(map(_code, each.all))
    return f"{_code(each.pattern)} (regex)" if each.regex else _code(each.pattern)


def _code(text: str) -> str:
    """A code span. Spaces at its ends would be lost, and a tab would be invisible."""
    return f"`{_SPAN.sub('␣', text).replace(chr(9), '⇥')}`"


if __name__ == "__main__":
    PAGE.write_text(page())
