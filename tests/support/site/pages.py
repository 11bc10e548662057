"""The pages of the site as Zensical reads them, made from the Markdown of the repository.

docs/api.md ─▶ api.md    README.md ─▶ index.md    CHANGELOG.md ─▶ project/CHANGELOG.md

Another file or folder that a page links to becomes a page below source/ that shows it.
"""

import os
import re
import shutil
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.site.reference import reference_pages

DOCS = ROOT / "docs"
SETTINGS = DOCS / "site"
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def write_pages(folder: Path) -> set[str]:
    """Write all pages into a new folder. Returns the names of the pages for the navigation."""
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("site", "*.md"))
    shutil.copytree(SETTINGS / "assets", folder / "assets")
    sources = {*ROOT.glob("*.md"), *DOCS.rglob("*.md")}
    linked: set[Path] = set()
    pages = {place(file): converted(file.read_text(), file, linked) for file in sources}
    pages |= {f"reference/{name}": text for name, text in reference_pages().items()}
    others = {file for file in linked - sources if not (folder / place(file)).exists()}
    for name, text in {**pages, **{place(file): shown(file) for file in others}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return set(pages)


def place(file: Path) -> str:
    """Where a file of the repository is on the site."""
    path = file.relative_to(ROOT)
    if path.parts[0] == "docs":
        return str(path.relative_to("docs"))
    if path.suffix == ".md" and len(path.parts) == 1:
        return "index.md" if path.name == "README.md" else f"project/{path}"
    # Zensical leaves out hidden folders, such as .ci.
    return f"source/{str(path).removeprefix('.')}.md"


def converted(text: str, file: Path, linked: set[Path]) -> str:
    """The text of a file with links to the pages of the site. Adds the files that it links to."""

    def link(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(file.parent / match[1]))
        linked.add(target)
        return os.path.relpath(place(target), Path(place(file)).parent)

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(link, _for_python_markdown(text)) for text in parts[::2]]
    return "".join(parts)


def _for_python_markdown(text: str) -> str:
    """Lists below an empty line, and inner ones four deep; no backslash before | in code."""
    text = text.replace("\\|", "|")
    text = re.sub(r"^((?!\d+\. |- |  |\n).+\n)(?=1\. |- )", r"\1\n", text, flags=re.MULTILINE)
    return re.sub(r"^ {2,3}(?=\S)", "    ", text, flags=re.MULTILINE)


def shown(file: Path) -> str:
    """A page that shows a file, or the names in a folder."""
    is_folder = file.is_dir()
    text = "\n".join(sorted(os.listdir(file))) if is_folder else file.read_text().strip()
    kind = {".yml": "yaml", ".yaml": "yaml", ".py": "python"}.get(file.suffix, "text")
    return f"# {file.relative_to(ROOT)}\n\n````{kind}\n{text}\n````\n"
