"""Damaged and truncated archives: an error with its place, and never a wrong count."""

import contextlib
import io
import random
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.read.errors import FormatError, SourceError
from loganalysis.read.open_source import DecompressionLimits
from tests.support.loganalysis.archives import (
    COMPRESS,
    FILES,
    LOG,
    METHODS,
    TARS,
    analyzed,
    expected_counts,
    last_report,
    tar_of,
    zip_of,
)

NOISE = random.Random(7)
LONG = b"".join(b"%d ERROR %d denied\n" % (n, NOISE.getrandbits(60)) for n in range(3000))
LONG_FILES = {"one.log": LONG, "two.log": LONG, "three.log": LONG}
ARCHIVES = {
    **{f"zip, {name}": zip_of(LONG_FILES, method) for name, method in METHODS.items()},
    "zip, streamed": zip_of(LONG_FILES, streamed=True),
    **{f"tar, {name}": tar_of(LONG_FILES, form) for name, form in TARS.items()},
    **{name: compress(tar_of(LONG_FILES)) for name, compress in COMPRESS.items()},
}
SMALL = {
    "zip": zip_of(FILES),
    "stored": zip_of(FILES, METHODS["stored"]),
    "streamed": zip_of(FILES, streamed=True),
    **{name: compress(tar_of(FILES)) for name, compress in COMPRESS.items()},
    **{name: tar_of(FILES, form) for name, form in TARS.items()},
    "nested": tar_of({name: COMPRESS["tar.gz"](data) for name, data in FILES.items()}),
}
quick = settings(
    database=None,
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.heavy
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_a_truncated_archive_fails_with_its_place_and_the_results_so_far(
    tmp_path: Path, content: bytes, share: float
) -> None:
    size = int(len(content) * share)
    with pytest.raises(SourceError) as failed:
        analyzed(tmp_path, content[:size])
    assert "cut short" in str(failed.value) or "instead of" in str(failed.value)
    assert 0 <= failed.value.file_offset <= size
    assert last_report["bytes_done"] <= size
    found, whole = last_report["counts"], expected_counts(LONG_FILES)
    assert all(found[key] <= whole[key] for key in whole)
    if share >= 0.5 and content[:2] in (b"PK", b"on", b"\x1f\x8b"):  # others have large blocks
        assert found["ERROR"] >= 1000
        assert failed.value.data_offset >= len(LONG)


def test_the_error_names_the_member(tmp_path: Path) -> None:
    content = tar_of(LONG_FILES)
    with pytest.raises(SourceError, match=r"cut short, in the member 'two\.log' \(at byte \d+"):
        analyzed(tmp_path, content[: len(content) // 2])


@pytest.mark.parametrize("form", TARS.values(), ids=TARS)
def test_a_tar_archive_that_ends_after_a_member_was_cut_short(tmp_path: Path, form: int) -> None:
    content = tar_of(FILES, form).rstrip(b"\0")
    whole = content + bytes(-len(content) % 512)
    with pytest.raises(SourceError, match="cut short"):
        analyzed(tmp_path, whole)
    assert last_report["counts"] == expected_counts(FILES)


def test_tar_archives_may_follow_one_another(tmp_path: Path) -> None:
    found = analyzed(tmp_path, tar_of(FILES) + tar_of({"more": LOG}))
    assert found["counts"] == expected_counts({**FILES, "more": LOG})


def test_other_data_after_a_tar_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="damaged header"):
        analyzed(tmp_path, tar_of(FILES) + b"x" * 512)
    with pytest.raises(SourceError, match="cut short"):
        analyzed(tmp_path, tar_of(FILES) + b"x")


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_zip_member_with_a_changed_byte_has_a_wrong_checksum_or_is_damaged(
    tmp_path: Path, method: int
) -> None:
    content = bytearray(zip_of(LONG_FILES, method))
    content[len(content) // 2] ^= 0x40
    with pytest.raises(SourceError) as failed:
        analyzed(tmp_path, bytes(content))
    assert "two.log" in str(failed.value)
    assert abs(failed.value.file_offset - len(content) // 2) < len(content) // 3


@quick
@given(st.sampled_from(sorted(SMALL)), st.data())
def test_no_truncation_gives_a_count_silently(
    tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    content = SMALL[kind]
    is_plain_tar = kind in {"tar", "nested", *TARS}
    content = content.rstrip(b"\0") if is_plain_tar else content
    size = data.draw(st.integers(513 if is_plain_tar else 40, len(content) - 1))
    with pytest.raises(SourceError) as failed:
        analyzed(tmp_path, content[:size])
    assert 0 <= failed.value.file_offset <= size


@quick
@given(
    st.sampled_from(sorted(set(SMALL) - {"tar", *TARS})),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_damage_never_gives_a_wrong_count_silently(
    tmp_path: Path, kind: str, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(SMALL[kind])
    for place, change in changes:
        content[int(place * (len(content) - 1))] ^= change
    check_damaged(tmp_path, bytes(content))


@pytest.mark.heavy
@quick
@given(st.sampled_from(sorted(TARS)), st.integers(0, 20), st.integers(1, 255), st.data())
def test_a_damaged_tar_header_is_noticed(
    tmp_path: Path, kind: str, block: int, change: int, data: st.DataObject
) -> None:
    """Tar has a checksum for headers only, so only they are damaged here."""
    content = bytearray(SMALL[kind])
    with tarfile.open(fileobj=io.BytesIO(SMALL[kind])) as archive:
        headers = [member.offset_data - 512 for member in archive]
    at = headers[block % len(headers)] + data.draw(st.integers(0, 511))
    content[at] ^= change
    check_damaged(tmp_path, bytes(content))


@quick
@given(st.binary(max_size=2000), st.sampled_from(sorted(SMALL)), st.integers(0, 3000))
def test_bytes_in_place_of_others_never_crash_the_reader(
    tmp_path: Path, noise: bytes, kind: str, at: int
) -> None:
    content = SMALL[kind][:at] + noise + SMALL[kind][at + len(noise) :]
    with contextlib.suppress(SourceError, FormatError):
        analyzed(tmp_path, content)


def check_damaged(folder: Path, content: bytes) -> None:
    """The analysis fails, or has a warning, or finds what the intact archive has.

    A change of a header can make a member a directory, and a changed name can do no harm. So
    counts may miss whole members, which the list of members shows.
    """
    found: dict[str, Any] = {}
    with contextlib.suppress(SourceError, FormatError):
        found = analyzed(folder, content)
    if "members" not in found:  # refused, or its first bytes tell no archive any more
        return
    listed = [each for each in found["members"] if each["error"] is None]
    for name in found["counts"]:
        assert found["counts"][name] == sum(each["counts"][name] for each in listed)
    whole = {zlib.crc32(data): expected_counts({"": data}) for data in FILES.values()}
    assert all(each["counts"] in whole.values() for each in listed)


def test_zeros_alone_are_no_archive(tmp_path: Path) -> None:
    assert "members" not in analyzed(tmp_path, bytes(10240))


def test_the_number_of_members_is_limited(tmp_path: Path) -> None:
    limits = DecompressionLimits(max_members=3)
    for content in (tar_of(FILES), zip_of(FILES), COMPRESS["tar.gz"](tar_of(FILES))):
        with pytest.raises(SourceError, match="more than 3 members"):
            analyzed(tmp_path, content, limits=limits)
        enough = DecompressionLimits(max_members=4)
        assert analyzed(tmp_path, content, limits=enough)["counts"] == expected_counts(FILES)
    with pytest.raises(SourceError, match="more than 3 members"):
        analyzed(tmp_path, zip_of(FILES)[:-30], limits=limits)


def test_the_limit_of_data_holds_for_all_members_together(tmp_path: Path) -> None:
    files = {str(number): b"line\n" * 20_000 for number in range(5)}
    limits = DecompressionLimits(max_total_bytes=450_000)
    for content in (zip_of(files), COMPRESS["tar.gz"](tar_of(files))):
        with pytest.raises(SourceError, match="the data is more than 450000 bytes") as failed:
            analyzed(tmp_path, content, limits=limits)
        assert failed.value.data_offset <= 600_000
    nested = tar_of({name: COMPRESS["tar.gz"](data) for name, data in files.items()})
    with pytest.raises(SourceError, match="the data is more than 450000 bytes"):
        analyzed(tmp_path, nested, limits=limits)


def test_the_ratio_of_data_holds_for_all_members_together(tmp_path: Path) -> None:
    files = {str(number): b"\n" * 100_000 for number in range(5)}
    limits = DecompressionLimits(max_ratio=30, ratio_from_bytes=250_000)
    nested = tar_of({name: COMPRESS["tar.xz"](data) for name, data in files.items()})
    twice = COMPRESS["tar.gz"](nested)
    for content in (zip_of(files), COMPRESS["tar.gz"](tar_of(files)), nested, twice):
        with pytest.raises(SourceError, match="more than 30 times its file"):
            analyzed(tmp_path, content, limits=limits)


def test_data_that_is_stored_plain_has_no_limit(tmp_path: Path) -> None:
    limits = DecompressionLimits(max_total_bytes=10, max_ratio=1, ratio_from_bytes=10)
    for content in (tar_of(FILES), zip_of(FILES, METHODS["stored"])):
        assert analyzed(tmp_path, content, limits=limits)["counts"] == expected_counts(FILES)
