"""`/docs/errors`: the page with a section for each code, to which `type` of a problem leads."""

import re
from functools import lru_cache
from html import escape

from server.handlers.pages import WebHandler
from server.handlers.web_files import WebFile, WebFiles
from server.http.codes import Code

_HEAD = """<h1>Errors</h1>
<p>Every error response has one of these codes. A code never changes its meaning.</p>
"""


class ErrorPageHandler(WebHandler):
    """The page about errors. It needs no token, and no JavaScript."""

    ROUTE = "/docs/errors"

    async def get(self) -> None:
        """Send the page."""
        self.send(error_page(self.files))

    head = get


@lru_cache(1)
def error_page(files: WebFiles) -> WebFile:
    """Build the page; once for the files of a listener."""
    return files.static_page("Errors", _HEAD + "".join(map(_section, Code)))


def _section(code: Code) -> str:
    return (
        f'<section id="{code}" class="problem"><h2><code>{code}</code></h2>\n'
        f"<p><strong>{escape(code.title)}</strong> (status {code.status}). {_html(code.when)}</p>\n"
        f"<p><em>Remedy:</em> {_html(code.remedy)}</p></section>\n"
    )


def _html(markdown: str) -> str:
    """Escape a text, and turn `code` into an element."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(markdown))
