"""The C kernel is exact for all literals, windows, blocks and vectors, and stays in its memory."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.match import c_scanner
from loganalysis.match.c_scanner import Kernel
from loganalysis.match.patterns import Literal
from loganalysis.native import build
from runner.job_types.registry import loader
from runner.job_types.registry.loader import JobTypesError
from tests.support.loganalysis.kernel import SMALL, VECTORS, kernel_results, literals_of, reference
from tests.support.paths import ROOT

quick = settings(database=None, deadline=None, max_examples=300)
letters = st.text("abAB\n", min_size=1, max_size=12).map(str.encode)
bytes_of_all_kinds = st.binary(min_size=1, max_size=9)


@pytest.mark.heavy
@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("texts", [letters, bytes_of_all_kinds], ids=["letters", "bytes"])
@pytest.mark.parametrize("max_texts", [3, 12, 60])
@quick
@given(given_=st.data(), size=st.integers(1, 90))
def test_each_match_is_counted_once_wherever_windows_and_blocks_end(
    vectors: int, texts: st.SearchStrategy[bytes], max_texts: int, given_: st.DataObject, size: int
) -> None:
    texts_ = given_.draw(st.lists(texts, min_size=1, max_size=max_texts))
    folded = given_.draw(st.lists(st.booleans(), min_size=len(texts_), max_size=len(texts_)))
    pieces = given_.draw(st.lists(st.one_of(st.sampled_from(texts_), texts), max_size=30))
    literals, data = literals_of(texts_, folded), b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_scanner, "LIMITS", SMALL)
        patch.setattr(c_scanner, "_vectors", lambda: vectors)
        found, hits = kernel_results(data, literals, size)
    expected = [reference(data, each) for each in literals]
    assert found == [numbers for numbers, _ in expected]
    assert hits == [places for _, places in expected]


@pytest.mark.heavy
@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("many", [1, 4, 100, 700])
def test_texts_that_overlap_themselves_are_counted_as_by_str_count(
    vectors: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_scanner, "_vectors", lambda: vectors)
    texts = [b"a" * size for size in range(1, many + 1)]
    data = (b"a" * 997 + b"\n") * 40 + b"b" * 300_000 + b"a" * 1009
    found, _ = kernel_results(data, literals_of(texts, [False] * many), 100_000)
    assert [count for count, *_ in found] == [data.count(text) for text in texts]


def test_lines_are_not_reported_after_stop_reporting() -> None:
    data = bytearray(b"a\n" * 20_000)
    found = Kernel([Literal(0, b"a", False)], lines=True, report_lines=True)
    reported = 0
    for hits in found.scan(memoryview(data), 0, 0, len(data)):
        reported += len(hits)
        found.stop_reporting(0)
    assert reported == c_scanner.LIMITS.hits < found.literals[0].lines == 20_000


def test_a_kernel_without_lines_only_counts() -> None:
    data = bytearray(b"ab\nab ab")
    found = Kernel([Literal(0, b"ab", False)], lines=False)
    assert list(found.scan(memoryview(data), 0, 0, len(data))) == [[]]
    assert (found.literals[0].count, found.literals[0].lines, found.newlines) == (3, 0, 0)


@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("vectors", VECTORS)
def test_a_byte_above_127_is_noticed_at_every_position(
    vectors: int, lines: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_scanner, "_vectors", lambda: vectors)
    for at in range(150):
        found, data = Kernel([Literal(0, b"ab", False)], lines), bytearray(b"a\x7f\n" * 50)
        reported = []
        for start, byte in ((0, 0x7F), (0, 0x80 | at), (at + 1, 0x80)):
            data[at] = byte
            list(found.scan(memoryview(data), 0, start, 150))
            reported.append(found.ascii)
        assert reported == [True, False, True]


def test_a_worker_without_the_library_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "job_service_scan", None)
    c_scanner._library.cache_clear()
    with pytest.raises(JobTypesError, match=r"'analyze': ModuleNotFoundError: .*job_service_scan"):
        loader.load()


def test_a_worker_on_a_processor_that_is_too_old_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(c_scanner, "_vectors", lambda: -1)
    with pytest.raises(JobTypesError, match="'analyze': RuntimeError: this processor has no SSSE3"):
        loader.load()


def test_the_wheels_have_the_version_of_the_sources() -> None:
    machines = sorted(file.name.split("-")[1:] for file in build.WHEELS.glob("*.whl"))
    expected = ["py3", "none"]
    assert [each[:3] for each in machines] == [[build.version(), *expected]] * len(build.TARGETS)
    for file in ("requirements.txt", "requirements.lock"):
        pinned = re.findall(r"^job-service-scan==(\S+)", (ROOT / file).read_text(), re.M)
        assert pinned == [build.version()], "run `make kernel`"


def test_each_wheel_has_a_library_of_its_system() -> None:
    begins = {"linux": b"\x7fELF", "macosx": b"\xcf\xfa\xed\xfe", "win_": b"MZ"}
    for file in build.WHEELS.glob("*.whl"):
        with ZipFile(file) as packed:
            (name,) = (each for each in packed.namelist() if each.endswith(".library"))
            library = packed.read(name)
        wanted = [begin for name, begin in begins.items() if name in file.name.split("-")[-1]]
        assert [library.startswith(begin) for begin in wanted] == [True], file.name


@pytest.mark.heavy
@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.timeout(180)
def test_the_sources_stay_within_their_memory(tmp_path: Path) -> None:
    sanitizer = subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True).strip()
    if not os.path.isabs(sanitizer):
        pytest.skip("gcc has no sanitizers here")
    library = _compiled(tmp_path)
    environment = {
        **os.environ,
        "LD_PRELOAD": sanitizer,
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "tests.support.loganalysis.kernel_fuzzer", str(library), "400"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def _compiled(folder: Path) -> Path:
    """Compile the library for this kind of processor, with checks of every memory access."""
    flags = ["-O1", "-g", "-fPIC", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    objects: list[str] = []
    for source, processor in build.SOURCES[platform.machine()]:
        objects.append(str(folder / f"{len(objects)}.o"))
        abilities = [f"-m{each}" for each in processor.split("+")[1:]]
        given = [*flags, *abilities, "-c", f"{source}.c", "-o", objects[-1]]
        subprocess.run(["gcc", *given], cwd=build.HERE, check=True)
    library = folder / "scan.so"
    subprocess.run(["gcc", *flags, "-shared", "-o", str(library), *objects], check=True)
    return library
