"""The pages of errors, made from the table of problems: docs/errors.md and the one of the site.

python -m tests.support.errors_page        writes docs/errors.md
"""

from server.http.codes import Code
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "errors.md"

STATUSES = sorted({code.status for code in Code})
HEAD = """\
# Errors

<!-- Made by `make docs` from `server/http/codes.py`. Edit the table there, not here. -->

Every error is a [problem document](api.md#errors) with one of these codes. When each comes, and what to do, is on the
page `/docs/errors` of every listener, to which the `type` of the document leads, and in the API reference of the site.
A code never changes its meaning; new releases may add codes.
"""


def page() -> str:
    """The list of all codes as Markdown."""
    return HEAD + "".join(
        f"\n## {status}\n\n" + "".join(f"- `{code}`: {code.title}\n" for code in _codes(status))
        for status in STATUSES
    )


def full_page() -> str:
    """All codes with their explanations, as Markdown."""
    return "# Codes of errors\n" + "".join(
        f"\n## {code}\n\n{code.status} **{code.title}.** {code.when} *Remedy:* {code.remedy}\n"
        for status in STATUSES
        for code in _codes(status)
    )


def _codes(status: int) -> list[Code]:
    return [code for code in Code if code.status == status]


if __name__ == "__main__":
    PAGE.write_text(page())
