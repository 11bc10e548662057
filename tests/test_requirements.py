"""Installed packages: pinned, with the hashes of all files in three locks, and new enough.

The locks are made by uv, in a folder of its own (it is no package that this project needs):

    grep -hv '^-r ' requirements.txt requirements-tracing.txt tests/requirements.txt > pins.in
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url pins.in

Each lock has the packages of its requirements, below the lines that the file begins with, without
packages for other systems than Linux. uv knows only one wheel of `job-service-scan`: the lock has
the hashes of both.
"""

import hashlib
import json
import re
from importlib.metadata import distribution, distributions, metadata, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support import audit
from tests.support.paths import ROOT

FLOORS = {
    "tornado": ("6.6.1", "denial of service by multipart, headers and cookies, of 2025 and 2026"),
    "multipart": ("1.3.1", "denial of service by the options of a header"),
    "pydantic": ("2.4.0", "denial of service by e-mail addresses, CVE-2024-3772"),
    "pyjwt": ("2.10.1", "an issuer that is a part of another one, CVE-2024-53861"),
    "cryptography": ("44.0.1", "OpenSSL's handshakes with raw keys, CVE-2024-12797"),
    "setuptools": ("78.1.1", "a path out of the folder, CVE-2025-47273"),
}
"""The oldest versions that may be pinned, with the reason. A scanner without advisories says that
all is well: so what is known stands here."""


LOCKS = {
    "requirements.lock": "requirements.txt",
    "requirements-tracing.lock": "requirements-tracing.txt",
    "tests/requirements.lock": "tests/requirements.txt",
}
"""The requirements that each lock is made from."""


def pins(file: str) -> dict[str, Requirement]:
    """The requirements in a file, by name."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*|--hash=\S+", "", line).strip() for line in text.splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(each.name): each for each in found}


def hashes(lock: str) -> dict[str, list[str]]:
    """The hashes in a lock, by name."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
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


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: "-".join(each.values()))
def test_a_lock_has_the_same_versions_as_its_requirements(
    environment: dict[str, str], lock: str
) -> None:
    def wanted(file: str) -> dict[str, str]:
        return {
            name: str(pin.specifier)
            for name, pin in pins(file).items()
            if pin.marker is None or pin.marker.evaluate(environment)
        }

    assert wanted(lock) == wanted(LOCKS[lock])


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_in_a_lock_has_hashes(lock: str) -> None:
    found = hashes(lock)
    assert set(found) == set(pins(lock))
    assert [name for name, its in found.items() if not its] == []


def test_the_lock_has_the_hashes_of_all_wheels_of_the_kernel() -> None:
    wheels = (ROOT / "loganalysis/native/wheels").glob("*.whl")
    found = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    assert set(hashes("requirements.lock")["job-service-scan"]) == found


@pytest.mark.parametrize("file", LOCKS.values())
def test_every_package_is_pinned_to_one_version(file: str) -> None:
    for name, pin in pins(file).items():
        assert re.fullmatch(r"==[0-9][^,*]*", str(pin.specifier)), name


@pytest.mark.parametrize("name", FLOORS)
def test_no_package_is_older_than_what_mended_its_known_faults(name: str) -> None:
    pinned = {name: pin for file in LOCKS.values() for name, pin in pins(file).items()}[name]
    floor, reason = FLOORS[name]
    assert Version(str(pinned.specifier).removeprefix("==")) >= Version(floor), reason
    assert Version(version(name)) >= Version(floor), reason


def test_the_image_installs_by_hashes_and_from_wheels_alone() -> None:
    dockerfile = Path(ROOT / "Dockerfile").read_text().partition("FROM service AS onbuild")[0]
    assert "--require-hashes" in dockerfile
    assert "--only-binary :all:" in dockerfile
    assert "requirements.txt" not in dockerfile
    assert re.search(r"^ARG TRACING=0\n", dockerfile, re.M)
    assert re.search(r'^ +0\) locks="-r /tmp/requirements.lock" ;;', dockerfile, re.M)


def test_every_layer_of_the_image_has_one_time() -> None:
    """COPY would give the folders around what it copies the time of the build."""
    service = (ROOT / "Dockerfile").read_text().partition("FROM ${BASE} AS service")[2]
    service = service.partition("FROM service AS onbuild")[0]
    layers = re.findall(r"^(?:RUN|COPY|ADD|WORKDIR) (?:.*\\\n)*.*", service, re.M)
    assert [each.partition(" ")[0] for each in layers] == ["RUN", "RUN", "WORKDIR"]
    for each in layers[:2]:
        assert '-exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +' in each


def test_make_installs_by_hashes_and_from_wheels_alone() -> None:
    """Of calls, tests/test_make.py makes sure."""
    makefile = (ROOT / "Makefile").read_text()
    runs, _, develops = makefile.partition("\n$(INSTALLED): ")[2].partition("\n$(DEVELOPER): ")
    assert "\nHASHED := --only-binary :all: --require-hashes\n" in makefile
    assert re.findall(r"-r ([\w./-]+)", runs) == ["requirements.lock"]
    assert re.findall(r"-r ([\w./-]+)", develops) == list(LOCKS)
    assert runs.splitlines()[0].split() == ["requirements.lock"]
    assert develops.splitlines()[0].split() == ["$(INSTALLED)", *list(LOCKS)[1:]]


def test_the_notice_names_the_licence_of_each_package_in_the_image() -> None:
    lines = re.findall(r"^([a-z0-9-]+) +([A-Z(][\w.-]+.*)$", (ROOT / "NOTICE").read_text(), re.M)
    licences = {name: text.split(";")[0] for name, text in lines}
    assert set(licences) == {*pins("requirements.lock"), *pins("requirements-tracing.lock")}
    for name, licence in licences.items():
        if is_installed(name) and "License-Expression" in metadata(name):
            assert metadata(name)["License-Expression"] == licence, name


def test_each_package_brings_its_licence_or_the_notice_has_its_copyright() -> None:
    text = (ROOT / "NOTICE").read_text().partition("\nWithout text: ")[2].partition("\n\n")[0]
    for name in (*pins("requirements.lock"), *pins("requirements-tracing.lock")):
        if is_installed(name):
            assert brings_licence(name) != (name in text), name


def brings_licence(name: str) -> bool:
    """Whether an installed package has a file with a licence."""
    files = distribution(name).files or ()
    found = (each.name for each in files if each.suffix not in {".py", ".pyc"})
    return any(re.search("licen[sc]e|copying|notice", each, re.I) for each in found)


def is_installed(name: str) -> bool:
    """Whether a package is installed; some are needed only on some platforms and Pythons."""
    return any(distributions(name=name))


KNOWN = {"name": "x", "version": "1", "vulns": []}
FAULT = {**KNOWN, "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
SKIPPED = {"name": "y", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "code", "text"),
    [
        ([KNOWN], 0, "lock: 1 packages without a known fault"),
        ([KNOWN, FAULT], 1, "lock: x 1: CVE-1, fixed in 2"),
        ([FAULT, SKIPPED], 1, "lock: x 1: CVE-1, fixed in 2"),
        ([SKIPPED, SKIPPED], 0, "lock: not audited: the advisories cannot be reached"),
        ([KNOWN, SKIPPED], 1, "lock: the advisories do not know y"),
        ([], 1, "lock: the advisories do not know any package"),
    ],
)
def test_an_audit_fails_on_a_known_fault_and_bears_to_be_offline(
    packages: list[dict[str, object]], code: int, text: str
) -> None:
    assert audit.verdict("lock", json.dumps({"dependencies": packages}), "") == (code, text)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ("ERROR: Could not connect to the vulnerability feed", 0),
        ("ERROR: invalid requirement", 1),
        ("", 1),
    ],
)
def test_an_audit_without_a_report_fails_unless_it_is_offline(messages: str, code: int) -> None:
    assert audit.verdict("lock", "", messages)[0] == code


def test_an_audit_leaves_out_only_the_package_of_this_project() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    lines = {line for line in lock.splitlines() if "==" in line or line.startswith("-")}
    left = audit.without_own(lock)
    gone = {line for line in lines if line not in left}
    names = {re.split("==| ", line)[0] for line in gone}
    assert names == {"--find-links", "job-service-scan"}
    assert len(re.findall("--hash", lock)) - len(re.findall("--hash", left)) == 5
