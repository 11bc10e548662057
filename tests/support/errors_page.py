"""docs/errors.md, made from the table of problems.

python -m tests.support.errors_page        writes the page
"""

from itertools import groupby
from textwrap import fill

from server.http.codes import Code
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "errors.md"

HEAD = """\
# Errors

<!-- Made by `make docs` from `server/http/codes.py`. Edit the table there, not here. -->

Every error is a [problem document](api.md#errors). Its `code` is one of the following, and its `type` is the address of
the code's section on the page `/docs/errors`, which every listener serves. A code never changes its meaning; new
releases may add codes.
"""


def page() -> str:
    """The whole page as Markdown."""
    groups = groupby(sorted(Code, key=lambda code: code.status), key=lambda code: code.status)
    return "\n".join([HEAD, *(_group(status, list(codes)) for status, codes in groups)])


def _group(status: int, codes: list[Code]) -> str:
    return "\n".join([f"## {status}", *map(_section, codes)])


def _section(code: Code) -> str:
    text = f"**{code.title}.** {code.when} *Remedy:* {code.remedy}"
    filled = fill(text, 120, break_long_words=False, break_on_hyphens=False)
    return f"### {code}\n{filled}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
