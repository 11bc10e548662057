"""The pages of errors, made from the table of problems: docs/errors.md and the one of the site.

python -m tests.support.errors_page        writes docs/errors.md
"""

from server.http.codes import Code
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "errors.md"

CODES = sorted(Code, key=lambda code: code.status)
HEAD = """\
# Errors

<!-- Made by `make docs` from `server/http/codes.py`. Edit the table there, not here. -->

Every error is a [problem document](api.md#errors). Its `code` is one of the following. Its `type` is the address of the
code's section on the page `/docs/errors`, which every listener serves: when the error comes, and what to do. The site
has the same page in the API reference. A code never changes its meaning; new releases may add codes.

| status | code | title |
|---|---|---|
"""


def page() -> str:
    """The list of all codes as Markdown."""
    return HEAD + "".join(f"| {code.status} | `{code}` | {code.title} |\n" for code in CODES)


def full_page() -> str:
    """All codes with their explanations, as Markdown."""
    return "# Codes of errors\n" + "".join(
        f"\n## {code}\n\n{code.status} **{code.title}.** {code.when} *Remedy:* {code.remedy}\n"
        for code in CODES
    )


if __name__ == "__main__":
    PAGE.write_text(page())
