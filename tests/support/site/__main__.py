"""Builds the site and checks it.

    python -m tests.support.site FOLDER

Each release has a folder of its own, FOLDER/RELEASE. FOLDER/versions.json lists the releases that
are there, for the menu of versions, and FOLDER/index.html leads to the newest one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from storage.records.release import RELEASE
from tests.support.paths import ROOT
from tests.support.site.pages import SETTINGS, write_pages

CACHE = ROOT / ".cache" / "site"
_NAVIGATION = re.compile(r"^nav = .*?^\]", re.MULTILINE | re.DOTALL)
_REMOTE = re.compile(
    r"(?:<(?:script|link|img|iframe)[^>]*?\s(?:src|href)=|url\(|@import )"
    r"[\"']?((?:https?:)?//[^\"' )>]+)"
)


def main(folder: Path) -> None:
    """Build this release into a folder, beside others. Exits with the faults, if there are any."""
    for name in ("source", "pages"):
        shutil.rmtree(CACHE / name, ignore_errors=True)
    pages = write_pages(CACHE / "source")
    settings = (SETTINGS / "zensical.toml").read_text().replace("RELEASE", RELEASE)
    if wrong := misplaced_pages(settings, pages):
        sys.exit(f"docs/site/zensical.toml: nav lacks, or names in vain: {', '.join(wrong)}")
    (CACHE / "zensical.toml").write_text(settings)
    command = (CACHE / "tools/bin/zensical", "build", "--clean", "--strict")
    if subprocess.run(command, cwd=CACHE).returncode:
        sys.exit("the site has faults")
    built = CACHE / "pages" / RELEASE
    if remote := remote_files(built):
        sys.exit(f"the site loads files of other hosts: {', '.join(remote)}")
    shutil.rmtree(folder / RELEASE, ignore_errors=True)
    shutil.copytree(built, folder / RELEASE)
    list_versions(folder)


def misplaced_pages(settings: str, pages: set[str]) -> list[str]:
    """The pages that the navigation lacks, and its names without a page."""
    (navigation,) = _NAVIGATION.findall(settings)
    return sorted(pages ^ {*re.findall(r'"([^" ]+\.md)"', navigation)})


def remote_files(folder: Path) -> list[str]:
    """The scripts, styles, fonts and images that the pages in a folder load from other hosts."""
    files = [file for file in folder.rglob("*") if file.suffix in (".html", ".css")]
    return sorted({each for file in files for each in _REMOTE.findall(file.read_text())})


def list_versions(folder: Path) -> None:
    """Write the list of the releases in a folder, newest first, and a page that leads to it."""
    found = [name for name in os.listdir(folder) if re.fullmatch(r"\d+\.\d+\.\d+", name)]
    found.sort(key=lambda name: [*map(int, name.split("."))], reverse=True)
    listed = [{"version": each, "title": each, "aliases": []} for each in found]
    (folder / "versions.json").write_text(json.dumps(listed))
    refresh = f'<meta http-equiv="refresh" content="0; url={found[0]}/index.html">'
    (folder / "index.html").write_text(f"<!doctype html><title>Job Service</title>{refresh}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
