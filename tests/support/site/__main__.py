"""Builds the site, checks it, and shows it.

    python -m tests.support.site [--check] [--into FOLDER]

Each release has a folder of its own, FOLDER/RELEASE. FOLDER/versions.json lists all releases that
are there, for the menu of versions, and FOLDER/index.html leads to the newest one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from packaging.version import InvalidVersion, Version

from storage.records.release import RELEASE
from tests.support.paths import ROOT
from tests.support.site.links import faults, misplaced_pages
from tests.support.site.pages import SETTINGS, write_pages

CACHE = ROOT / ".cache" / "site"
PORT = 8000


def main() -> None:
    """Build all pages. Exits with the faults, if there are any; else serves the pages."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.site")
    parser.add_argument("--check", action="store_true", help="do not serve the pages")
    parser.add_argument("--into", type=Path, default=CACHE / "pages", metavar="FOLDER")
    options = parser.parse_args()
    built = build()
    if found := faults(built):
        sys.exit("\n".join(found))
    if options.into != CACHE / "pages":
        shutil.copytree(built, options.into / RELEASE, dirs_exist_ok=True)
    list_versions(options.into)
    say(f"{len([*built.rglob('*.html')])} pages in {options.into / RELEASE}")
    if not options.check:
        serve(options.into)


def build() -> Path:
    """Build the pages of this release, without a connection. Returns their folder. Warnings and
    pages that are missing in the navigation are errors."""
    for folder in ("source", "pages"):
        shutil.rmtree(CACHE / folder, ignore_errors=True)
    needed = write_pages(CACHE / "source")
    settings = (SETTINGS / "zensical.toml").read_text().replace("RELEASE", RELEASE)
    if missing := misplaced_pages(settings, needed):
        sys.exit(f"docs/site/zensical.toml: nav lacks, or has too much: {', '.join(missing)}")
    (CACHE / "zensical.toml").write_text(settings)
    build = (CACHE / "tools/bin/zensical", "build", "--clean", "--strict")
    if subprocess.run(build, cwd=CACHE, env={**os.environ, "NO_COLOR": "1"}).returncode:
        sys.exit("Zensical has found faults")
    return CACHE / "pages" / RELEASE


def list_versions(folder: Path) -> None:
    """Write the list of the releases in a folder, newest first, and the page that leads to it."""
    found = sorted(filter(_is_release, os.listdir(folder)), key=Version, reverse=True)
    listed = [{"version": each, "title": each, "aliases": []} for each in found]
    (folder / "versions.json").write_text(json.dumps(listed))
    refresh = f'<meta http-equiv="refresh" content="0; url={found[0]}/index.html">'
    (folder / "index.html").write_text(f"<!doctype html><title>Job Service</title>{refresh}\n")


def _is_release(name: str) -> bool:
    try:
        return bool(Version(name))
    except InvalidVersion:
        return False


def serve(folder: Path) -> None:
    """Serve a folder to this machine until Ctrl-C."""
    port = int(os.environ.get("PORT", PORT))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        say(f"Ready: http://localhost:{port} — Ctrl-C stops")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped")


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
