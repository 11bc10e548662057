"""The commands of docs/deploy.md, which the checks run as they stand there."""

import re

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "deploy.md"


def commands(heading: str) -> str:
    """The first block of commands below a heading, up to the next heading of its level."""
    level, text = heading.split(" ", 1)
    section = PAGE.read_text().split(f"\n{level} {text}\n")[1].split(f"\n{level} ")[0]
    (block, *_) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(block)
