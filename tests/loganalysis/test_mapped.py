"""Files that are scanned in mapped memory, also if they are shortened or cannot be mapped."""

import os
from pathlib import Path

import pytest

from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import Scanner, ScanOptions
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.read import mapped
from loganalysis.read.errors import SourceError
from loganalysis.read.invalid_text import InvalidText
from loganalysis.read.mapped import MappedFile, map_file
from loganalysis.read.open_source import PlainSource
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.scan import scan_range
from tests.support.loganalysis.oracle import scan

LINE = b"a b\n"


def resident(path: Path) -> int:
    """The number of bytes of a mapped file that are in this process's memory."""
    found, is_it = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            is_it = rest[-1] == str(path)
        elif is_it and name == "Rss:":
            found += int(rest[0]) << 10
    return found


def mapped_or_read(source: PlainSource) -> MappedFile | PlainSource:
    """The source that an analysis scans: mapped if possible."""
    return source.mapped() or source


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(LINE * 10_000)
    return path


def test_a_part_of_a_file_is_mapped_wherever_it_begins(log: Path) -> None:
    data = log.read_bytes()
    with log.open("rb") as file:
        for start, end in (
            (0, 40_000),
            (4, 40_000),
            (4096, 8192),
            (4100, 39_996),
            (39_996, 40_000),
        ):
            found = map_file(file.fileno(), start, end)
            assert found
            assert found.size == end - start
            assert bytes(found.view(0, end - start)) == data[start:end]
            assert bytes(found.view(1, 3)) == data[start + 1 : start + 3]


@pytest.mark.heavy
def test_a_file_is_mapped_piece_by_piece_and_earlier_pages_are_released(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "_MAPPED_BYTES", 3 << 14)
    size, log_bytes = 1 << 20, LINE * (1 << 18)
    log.write_bytes(log_bytes)
    with log.open("rb") as file:
        found = map_file(file.fileno(), 2, size)
        assert found
        for start in range(0, size - 2, 5000):
            end = min(start + 9000, size - 2)
            assert bytes(found.view(start, end)) == log_bytes[2 + start : 2 + end]
            assert resident(log) <= 9000 + 2 * (64 << 10)  # a page fault loads neighboring pages


def test_a_file_that_is_shortened_meanwhile_is_an_error_after_its_data(
    log: Path,
) -> None:
    with PlainSource(log) as source:
        options = ScanOptions(LineOptions(), window_bytes=8192)
        scanner = Scanner(prepare([Pattern("a")]), options, mapped_or_read(source))
        assert scanner.scan()
        os.truncate(log, 12_000)
        with pytest.raises(SourceError, match="was cut while it was read") as caught:
            for _ in iter(scanner.scan, False):
                pass
    assert scanner.counts == [3000]
    assert caught.value.file_offset == scanner.bytes == 12_000


def test_a_file_that_grows_while_it_is_scanned_keeps_its_end(log: Path) -> None:
    with PlainSource(log) as source:
        scanner = Scanner(prepare([Pattern("a")]), ScanOptions(), mapped_or_read(source))
        with log.open("ab") as file:
            file.write(LINE)
        while scanner.scan():
            pass
    assert scanner.counts == [10_000]


def test_some_files_cannot_be_mapped(tmp_path: Path) -> None:
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    try:
        os.write(file, LINE)
        assert map_file(file, 0, 4) is None
        assert map_file(file, 4, 4) is None
    finally:
        os.close(file)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_text_in_another_encoding_is_decoded(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "log"
    path.write_bytes("äa\nb".encode(encoding))
    options = AnalysisOptions(encoding=None if encoding == "utf-16" else encoding)
    found = analyze(path, [Pattern("ä")], options, lambda progress: None)
    assert (found.partial.counts, found.encoding[:5]) == ([1], encoding[:5])


def test_invalid_utf8_is_counted_in_a_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xef\xbb\xbfok\n" * 1000 + b"\xff\n" + b"\xc3")
    options = ScanOptions(window_bytes=4096)
    partial = scan_range(path, (0, 6003), prepare([Pattern("ok")]), options, lambda *_: None)
    assert partial.invalid_text == InvalidText(2, 6000)
    assert (partial.bytes, partial.counts) == (6003, [1000])


@pytest.mark.heavy
def test_long_lines_are_cut_at_the_same_bytes_read_or_mapped(
    tmp_path: Path,
) -> None:
    path, pattern = tmp_path / "log", Pattern("x$", regex=True)
    path.write_bytes(b"x" * (5 << 19) + b"\nx\n")
    with PlainSource(path) as source:
        mapped = source.mapped()
        assert mapped
        scanner = Scanner(prepare([pattern]), ScanOptions(LineOptions()), mapped)
        while scanner.scan():
            pass
    assert scanner.partial == scan(path.read_bytes(), [pattern], ScanOptions(LineOptions()))
    assert scanner.counts == [4]
