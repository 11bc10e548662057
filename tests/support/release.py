"""Writes a release into the folder dist, for `make release`. `--number` writes only its number from
storage/records/release.py into the files that repeat it.

job-service-0.1.0-image.tar.gz        the image, for `docker load`, if there is an engine
job_service-0.1.0-py3-none-any.whl    the service, for pip, pipx and uv
job-service.pyz                       the service with all that it needs, in one file
job_service_client-0.1.0*             the client's wheel and sdist
job_service_loganalysis-0.1.0*        wheel and sdist of the log analysis
job-service-0.1.0-sbom*.json          the bills of materials of the image
RELEASE_NOTES.md                      the section of CHANGELOG.md
SHA256SUMS                            of all of them, for `sha256sum --check`
"""

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from storage.records.release import RELEASE
from tests.support import audit, distributions
from tests.support.paths import ROOT

DIST = ROOT / "dist"
CLIENT = ROOT / "client"
_NUMBERS = {
    "client/jobservice/version.py": r'^VERSION = "(.*)"$',
    "client/pyproject.toml": r"job-service-loganalysis==([0-9.]*)",
    "loganalysis/pyproject.toml": r'^version = "(.*)"$',
}
"""Files that repeat RELEASE, since each package can be built alone, and where in them."""
_HEADING = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def main() -> None:
    """Write all files. Exits with a message if something is missing."""
    if sys.argv[1:] == ["--number"]:
        return write_number(ROOT)
    if problems := wrong_numbers(ROOT):
        sys.exit("\n".join(problems))
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    (DIST / "RELEASE_NOTES.md").write_text(notes((ROOT / "CHANGELOG.md").read_text(), RELEASE))
    write_image()
    write_service()
    write_packages()
    write_bills()
    sums = checksums(DIST)
    (DIST / "SHA256SUMS").write_text(sums)
    say(f"\n{DIST.relative_to(ROOT)}/SHA256SUMS\n{sums}")


def wrong_numbers(root: Path) -> list[str]:
    """The files whose number differs from RELEASE, a line for each."""
    found = {"CHANGELOG.md": newest((root / "CHANGELOG.md").read_text())}
    for file, pattern in _NUMBERS.items():
        if (root / file).exists():
            number = re.search(pattern, (root / file).read_text(), re.M)
            found[file] = number[1] if number else "nothing"
    return [
        f"{file} says {number}, and storage/records/release.py {RELEASE}"
        for file, number in found.items()
        if number != RELEASE
    ]


def write_number(root: Path) -> None:
    """Write RELEASE into the files that repeat it."""
    for file, pattern in _NUMBERS.items():
        text = (root / file).read_text()
        number = re.search(pattern, text, re.M)
        assert number, file
        (root / file).write_text(f"{text[: number.start(1)]}{RELEASE}{text[number.end(1) :]}")


def newest(changelog: str) -> str:
    """The number of the newest release in a changelog; empty if there is none."""
    heading = _HEADING.search(changelog)
    return heading[1] if heading else ""


def notes(changelog: str, release: str) -> str:
    """The section of a release in a changelog, as a page of its own. Raises ValueError."""
    headings = [*_HEADING.finditer(changelog)]
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == release:
            text = changelog[heading.end() : following.start() if following else len(changelog)]
            return f"# Job Service {release}\n\n{heading[2]}\n\n{text.strip()}\n"
    raise ValueError(f"CHANGELOG.md has no section ## {release} - YEAR-MONTH-DAY")


def write_image() -> None:
    """Build the image and save it, if there is a Docker engine."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode:
        return say("no image: there is no Docker engine")
    tag = f"job-service:{RELEASE}"
    label = f"org.opencontainers.image.version={RELEASE}"
    epoch = f"SOURCE_DATE_EPOCH={time_of_commit()}"
    say(f"image {tag}")
    options = ("--label", label, "--build-arg", epoch, "--tag", tag)
    subprocess.run([docker, "build", *options, ROOT], check=True)
    with (
        subprocess.Popen([docker, "save", tag], stdout=subprocess.PIPE) as saved,
        gzip.open(DIST / f"job-service-{RELEASE}-image.tar.gz", "wb", compresslevel=6) as file,
    ):
        assert saved.stdout
        shutil.copyfileobj(saved.stdout, file, 1 << 20)
    if saved.returncode:
        sys.exit("docker save has failed")


def write_service() -> None:
    """Build the service's wheel, and the pyz if its packages can be downloaded."""
    distributions.build_project(ROOT, DIST, time_of_commit(), "wheel")
    say("job-service.pyz, which takes some minutes")
    wheel, file = distributions.wheel_in(DIST), DIST / "job-service.pyz"
    try:
        distributions.build_pyz(wheel, file, distributions.downloaded())
    except subprocess.CalledProcessError:
        say("no pyz: pex could not download its packages, or not build it")


def write_packages() -> None:
    """Build the wheels and sdists of the client, if it is there, and of the log analysis."""
    if not (CLIENT / "pyproject.toml").exists():
        return say("no client: there is no folder client")
    for project in (CLIENT, ROOT / "loganalysis"):
        distributions.build_project(project, DIST, time_of_commit())


def time_of_commit() -> str:
    """The time of what is released, in seconds since 1970, for builds that are equal again.

    1980 without a history: zip archives know no earlier time.
    """
    when = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True
    )
    return when.stdout.strip() or "315532800"


def write_bills() -> None:
    """Write the bills of materials, if their tool can be installed."""
    tools = audit.install_tools()
    if tools is None:
        return say("no bill of materials: its tool cannot be installed without a connection")
    audit.write_bills(tools)
    for name in audit.BILLS.values():
        shutil.copy(audit.FOLDER / name, DIST / f"job-service-{RELEASE}-{name}")


def checksums(folder: Path) -> str:
    """The SHA-256 of all files in a folder, as `sha256sum` prints them."""
    lines = []
    for file in sorted(folder.iterdir()):
        with file.open("rb") as content:
            lines.append(f"{hashlib.file_digest(content, 'sha256').hexdigest()}  {file.name}\n")
    return "".join(lines)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
