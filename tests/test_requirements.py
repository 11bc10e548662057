"""What is installed: pinned, with the hashes of all files in requirements.lock, and new enough.

The lock is made by uv, in a folder of its own (it is no package that this project needs):

    grep -v '^-r ' requirements.txt > pins.in
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url pins.in

below the lines that the file begins with, without packages for other systems than Linux.
"""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.paths import ROOT

FLOORS = {
    "tornado": ("6.6.1", "denial of service by multipart, headers and cookies, of 2025 and 2026"),
    "multipart": ("1.3.1", "denial of service by the options of a header"),
    "pydantic": ("2.4.0", "denial of service by e-mail addresses, CVE-2024-3772"),
    "setuptools": ("78.1.1", "a path out of the folder, CVE-2025-47273"),
}
"""The oldest versions that may be pinned, with the reason. A scanner without advisories says that
all is well: so what is known stands here."""


def pins(file: str) -> dict[str, Requirement]:
    """The requirements in a file, by name."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*|--hash=\S+", "", line).strip() for line in text.splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(each.name): each for each in found}


def hashes() -> dict[str, list[str]]:
    """The hashes in the lock, by name."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if "==" in line]
    return {
        canonicalize_name(re.split("==", line)[0]): re.findall(
            r"--hash=sha256:([0-9a-f]{64})\b", line
        )
        for line in lines
    }


ENVIRONMENTS = [
    {"platform_machine": machine, "python_version": python, "python_full_version": f"{python}.1"}
    for machine in ("x86_64", "aarch64")
    for python in ("3.11", "3.12", "3.13", "3.14")
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: "-".join(each.values()))
def test_the_lock_has_the_same_versions_as_the_requirements(environment: dict[str, str]) -> None:
    def wanted(file: str) -> dict[str, str]:
        return {
            name: str(pin.specifier)
            for name, pin in pins(file).items()
            if pin.marker is None or pin.marker.evaluate(environment)
        }

    assert wanted("requirements.lock") == wanted("requirements.txt")


def test_every_package_in_the_lock_has_hashes() -> None:
    found = hashes()
    assert set(found) == set(pins("requirements.lock"))
    assert [name for name, its in found.items() if not its] == []


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_every_package_is_pinned_to_one_version(file: str) -> None:
    for name, pin in pins(file).items():
        assert re.fullmatch(r"==[0-9][^,*]*", str(pin.specifier)), name


@pytest.mark.parametrize("name", FLOORS)
def test_no_package_is_older_than_what_mended_its_known_faults(name: str) -> None:
    pinned = {**pins("requirements.txt"), **pins("tests/requirements.txt")}[name]
    floor, reason = FLOORS[name]
    assert Version(str(pinned.specifier).removeprefix("==")) >= Version(floor), reason
    assert Version(version(name)) >= Version(floor), reason


def test_the_image_installs_by_hashes_and_from_wheels_alone() -> None:
    dockerfile = Path(ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in dockerfile
    assert "--only-binary :all:" in dockerfile
    assert "requirements.txt" not in dockerfile
