"""Builds the wheels of the kernel, and writes their version and hashes to the requirements files.

    make kernel     (python -m loganalysis.native.build [--check])

Zig's C compiler, from PyPI, builds the libraries for all systems and processors, with the same
bytes on any machine. On Linux and macOS, a library links to no other, not even the C library. On
Windows, it links to libraries that are part of the system. So it works with every Python there. The
version contains a hash of the sources. With `--check`, the build fails if the existing wheels are
not the ones that the sources make.
"""

import argparse
import base64
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
WHEELS = HERE / "wheels"
ROOT = HERE.parents[1]

_NAME = "job_service_scan"
_FLAGS = [
    *("-O3", "-g0", "-std=c11", "-fvisibility=hidden", "-fno-sanitize=all"),
    *("-Wall", "-Wextra", "-Werror"),
]
_LINKED = ["-O3", "-shared", "-s"]
_COMMON = (
    *("scan", "entries", "plan", "sample", "tables", "time", "dates", "timeline"),
    *("fields", "layout", "named", "json", "values", "numbers", "cells", "sketch", "packed"),
    *("shapes", "shape", "deflate", "records"),
)
SOURCES = {
    "x86_64": [
        *((source, "x86_64") for source in _COMMON),
        ("vectors", "x86_64+ssse3"),
        ("vectors", "x86_64+avx2+bmi+popcnt"),
    ],
    "aarch64": [(source, "generic") for source in (*_COMMON, "vectors")],
}
"""The sources for each kind of processor, with the features that the compiler may use."""


@dataclass(frozen=True)
class Target:
    """A system and a processor, as the compiler, the tags of wheels and Python name them."""

    machine: str
    system: str
    tags: str
    platform: str
    position: tuple[str, ...] = ("-fPIC",)
    linked: tuple[str, ...] = ()


_LINUX = "manylinux_2_17_{0}.manylinux2014_{0}.musllinux_1_1_{0}"
_LINUX_LINKED = ("-nostdlib", "-Wl,--gc-sections,--build-id=none")
_MACOS_LINKED = ("-nostdlib", "-Wl,-install_name,scan.library")  # else the path of the build
TARGETS = (
    Target(
        "x86_64", "linux-gnu.2.17", _LINUX.format("x86_64"), "linux-x86_64", linked=_LINUX_LINKED
    ),
    Target(
        "aarch64", "linux-gnu.2.17", _LINUX.format("aarch64"), "linux-aarch64", linked=_LINUX_LINKED
    ),
    Target("x86_64", "macos.11.0", "macosx_11_0_x86_64", "darwin-x86_64", linked=_MACOS_LINKED),
    Target("aarch64", "macos.11.0", "macosx_11_0_arm64", "darwin-arm64", linked=_MACOS_LINKED),
    Target("x86_64", "windows-gnu", "win_amd64", "win32-amd64", position=()),
)
_MODULE = '''"""The kernel of Job Service's analysis: a library in C."""

from pathlib import Path

LIBRARY = Path(__file__).with_name("scan-{platform}.library")
"""It exports the functions of scan.c."""
'''
_METADATA = """Metadata-Version: 2.1
Name: job-service-scan
Version: {version}
Summary: The kernel of Job Service's analysis
License: MIT
"""
_WHEEL = "Wheel-Version: 1.0\nGenerator: job-service\nRoot-Is-Purelib: false\n"
_REQUIRED = re.compile(r"(^job-service-scan==.*?[^\\]$)", re.MULTILINE | re.DOTALL)


def version() -> str:
    """The version of the current sources. It cannot be on PyPI, which refuses a "+" in versions."""
    files = sorted([*HERE.glob("*.c"), *HERE.glob("*.h"), Path(__file__)])
    return f"1.0.0+{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:12]}"


def library(target: Target, folder: Path) -> bytes:
    """Compile the library for a system and processor, with temporary files in a folder."""
    name = f"{target.machine}-{target.system}"
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", name]
    objects: list[str] = []
    for source, processor in SOURCES[target.machine]:
        objects.append(str(folder / f"{name}-{source}-{len(objects)}.o"))
        arguments = [f"-mcpu={processor}", "-c", f"{source}.c", "-o", objects[-1]]
        flags = (*_FLAGS, *target.position)
        subprocess.run([*compiler, *flags, *arguments], cwd=HERE, check=True)
    linked = folder / f"{name}.library"
    flags = (*_LINKED, *target.linked)
    subprocess.run([*compiler, *flags, "-o", str(linked), *objects], cwd=HERE, check=True)
    return linked.read_bytes()


def write_wheel(target: Target, compiled: bytes, folder: Path) -> Path:
    """Write the wheel of a library. It has no timestamps, so its bytes are reproducible."""
    info = f"{_NAME}-{version()}.dist-info"
    tag_lines = "".join(f"Tag: py3-none-{platform}\n" for platform in target.tags.split("."))
    files = {
        f"{_NAME}/__init__.py": _MODULE.format(platform=target.platform).encode(),
        f"{_NAME}/scan-{target.platform}.library": compiled,
        f"{info}/METADATA": _METADATA.format(version=version()).encode(),
        f"{info}/WHEEL": (_WHEEL + tag_lines).encode(),
    }
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = folder / f"{_NAME}-{version()}-py3-none-{target.tags}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def require(wheels: list[Path]) -> None:
    """Write the version to both requirements files, and the hashes to requirements.lock."""
    hashes = sorted(hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels)
    locked = " \\\n".join(
        [f"job-service-scan=={version()}", *(f"    --hash=sha256:{each}" for each in hashes)]
    )
    for file, text in (("requirements.txt", locked.split(" ")[0]), ("requirements.lock", locked)):
        before, _, after = re.split(_REQUIRED, (ROOT / file).read_text())
        (ROOT / file).write_text(before + text + after)


def main() -> None:
    """Build the wheels, and store them or compare them with the stored ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        built = [write_wheel(each, library(each, Path(folder)), Path(folder)) for each in TARGETS]
        stored = sorted(WHEELS.glob("*.whl"))
        if check:
            known = {file.name: file.read_bytes() for file in stored}
            if known != {file.name: file.read_bytes() for file in built}:
                sys.exit("the wheels do not match the sources: run `make kernel`")
            return
        for file in stored:
            file.unlink()
        WHEELS.mkdir(exist_ok=True)
        wheels = [WHEELS / file.name for file in built]
        for wheel, new in zip(wheels, built, strict=True):
            wheel.write_bytes(new.read_bytes())
    require(wheels)


if __name__ == "__main__":
    main()
