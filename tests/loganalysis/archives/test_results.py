"""An archive has the result of its members: each for itself, and all together."""

import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.read.errors import FormatError, SelectionError
from loganalysis.scan.members import MAX_LISTED
from tests.support.loganalysis.archives import (
    ALL,
    COMPRESS,
    FILES,
    LOG,
    METHODS,
    TARS,
    analyzed,
    expected_counts,
    last_report,
    tar_member,
    tar_of,
    zip_of,
)

ARCHIVES = {
    **{f"zip, {name}": ("zip", zip_of(FILES, method)) for name, method in METHODS.items()},
    "zip, streamed": ("zip", zip_of(FILES, streamed=True)),
    **{f"tar, {name}": ("tar", tar_of(FILES, form)) for name, form in TARS.items()},
    **{name: (name, compress(tar_of(FILES))) for name, compress in COMPRESS.items()},
}
every_archive = pytest.mark.parametrize(("name", "content"), ARCHIVES.values(), ids=ARCHIVES)


def alone(folder: Path, data: bytes) -> dict[str, Any]:
    """The result for one member as a file of its own."""
    return analyzed(folder, data)


@every_archive
def test_the_counts_of_an_archive_are_the_sums_of_its_members(
    tmp_path: Path, name: str, content: bytes
) -> None:
    found = analyzed(tmp_path, content)
    assert found["file"]["format"] == name
    assert found["counts"] == expected_counts(FILES)
    assert found["archive"] == {
        "members": 4,
        "analyzed": 4,
        "failed": 0,
        "not_selected": 0,
        "listed": 4,
    }
    assert found["bytes"] == sum(map(len, FILES.values()))
    assert not found["warnings"]
    assert last_report["counts"] == found["counts"]
    assert last_report["bytes_done"] == last_report["bytes_total"] == len(content)
    assert last_report["members_done"] == 4


@every_archive
def test_each_member_has_the_result_that_it_has_as_a_file_of_its_own(
    tmp_path: Path, name: str, content: bytes
) -> None:
    members = analyzed(tmp_path, content)["members"]
    assert [each["name"] for each in members] == list(FILES)
    before = 0
    for member, data in zip(members, FILES.values(), strict=True):
        single = alone(tmp_path, data)
        for field in ("bytes", "lines", "counts"):
            assert member[field] == single[field]
        assert member["time_span"] == single["file"]["time_span"]
        assert member["lines_before"] == before
        assert member["error"] is None
        before += single["lines"]


def test_numbers_of_lines_go_on_from_member_to_member(tmp_path: Path) -> None:
    found = analyzed(tmp_path, tar_of({"a": b"ERROR\nx", "b": b"ERROR\n", "c": b"\nERROR"}))
    assert found["first_line"]["ERROR"] == 1
    assert found["last_line"]["ERROR"] == 5
    assert found["matching_lines"]["ERROR"] == 3
    assert found["lines"] == 5


def test_a_match_never_spans_two_members(tmp_path: Path) -> None:
    patterns = [Pattern("ab"), Pattern("a\nb")]
    for data in (tar_of({"1": b"a", "2": b"b"}), zip_of({"1": b"a\n", "2": b"b"})):
        assert set(analyzed(tmp_path, data, patterns=patterns)["counts"].values()) == {0}


def test_histograms_samples_and_the_time_span_cover_all_members(tmp_path: Path) -> None:
    late = b"2026-11-27T12:00:00Z ERROR late\n"
    found = analyzed(tmp_path, zip_of({"late": late, "early": LOG}))
    assert found["file"]["time_span"] == ["2026-11-25T10:00:00.000Z", "2026-11-27T12:00:00.000Z"]
    assert found["samples"]["ERROR"][0] == late.decode().rstrip()
    assert found["histogram"]["ERROR"]["lines"] == [
        ("2026-11-25T10:00:00.000Z", 40),
        ("2026-11-27T12:00:00.000Z", 1),
    ]


def test_the_year_of_times_without_one_is_the_year_of_the_member(tmp_path: Path) -> None:
    data = tar_of({"old": b"Nov 25 10:00:00 host ERROR\n"}, modified=1.6e9)  # September 2020
    assert analyzed(tmp_path, data)["members"][0]["time_span"][0] == "2019-11-25T10:00:00.000Z"
    data = tar_of({"old": b"Jan  1 10:00:00 host ERROR\n"}, modified=0)  # no real time
    assert analyzed(tmp_path, data)["members"][0]["time_span"][0] >= "2026"


def test_each_member_has_its_own_encoding(tmp_path: Path) -> None:
    text = "ERROR größer\n"
    files = {"8": text.encode(), "16": text.encode("utf-16"), "32": text.encode("utf-32")}
    found = analyzed(tmp_path, zip_of(files))
    assert found["counts"]["ERROR"] == 3
    assert [each["encoding"] for each in found["members"]] == ["utf-8", "utf-16-le", "utf-32-le"]
    assert found["file"]["encoding"] == "mixed"
    assert found["file"]["bom"]


@pytest.mark.parametrize("outer", COMPRESS)
@pytest.mark.parametrize("inner", [name for name in COMPRESS if name != "tar"])
def test_a_compressed_member_is_decompressed(tmp_path: Path, outer: str, inner: str) -> None:
    compress = COMPRESS[inner]
    several = compress(b"ERROR 1\n") + compress(b"ERROR 2\n") + bytes(100)
    content = COMPRESS[outer](tar_of({"a": compress(LOG), "b": LOG, "c": several}))
    found = analyzed(tmp_path, content)
    assert found["counts"]["ERROR"] == 82
    assert {each["format"] for each in found["members"]} > {"plain"}
    assert analyzed(tmp_path, zip_of({"a": compress(LOG)}))["counts"]["ERROR"] == 40


NOT_TEXT = {
    "zip": (zip_of(FILES), "archive", "it is a zip archive"),
    "tar": (tar_of(FILES), "archive", "it is a tar archive"),
    "compressed tar": (COMPRESS["tar.gz"](tar_of(FILES)), "archive", "it is a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "archive", "it is a 7z archive"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_text", "it is a PNG image"),
    "twice": (COMPRESS["tar.gz"](COMPRESS["tar.xz"](LOG)), "unsupported", "compressed twice"),
    "cut gzip": (COMPRESS["tar.gz"](LOG)[:-9], "damaged", "its gzip data is cut short"),
    "bad gzip": (COMPRESS["tar.gz"](LOG)[:-9] + bytes(9), "damaged", "cannot decode gzip"),
    "AppleDouble": (b"\0\x05\x16\x07\0\2\0\0Mac OS X", "not_text", "AppleDouble"),
}


@pytest.mark.parametrize(("data", "code", "message"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_a_member_that_has_no_text_is_reported_and_the_others_are_counted(
    tmp_path: Path, data: bytes, code: str, message: str
) -> None:
    files = {"1": LOG, "bad": data, "2": LOG}
    for content in (zip_of(files), tar_of(files), COMPRESS["tar.zst"](tar_of(files))):
        found = analyzed(tmp_path, content)
        bad = found["members"][1]
        assert bad["error"]["code"] == code
        assert message in bad["error"]["message"]
        assert bad["counts"] is bad["bytes"] is bad["lines"] is None
        assert found["counts"]["ERROR"] == 80
        assert found["lines"] == 160
        assert found["archive"]["failed"] == 1
        (warning,) = found["warnings"]
        assert warning["code"] == "members_failed"
        assert f"bad: {bad['error']['message']}" in warning["message"]


def test_data_that_is_hardly_text_gives_a_warning_with_the_name_of_its_member(
    tmp_path: Path,
) -> None:
    (warning,) = analyzed(tmp_path, zip_of({"a": LOG, "odd one": bytes(9000)}))["warnings"]
    assert warning["code"] == "not_text"
    assert warning["message"].startswith("odd one: ")


def test_directories_links_and_devices_are_no_members(tmp_path: Path) -> None:
    path = tmp_path / "made"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            other = tarfile.TarInfo("../../etc/passwd")
            other.type, other.linkname = kind, "/etc/shadow"
            archive.addfile(other)
        archive.addfile(tar_member("a", 0))
    assert [each["name"] for each in analyzed(tmp_path, path.read_bytes())["members"]] == ["a"]
    with_folder = zip_of({"folder/": b"", "folder/a": b"ERROR"})
    assert [each["name"] for each in analyzed(tmp_path, with_folder)["members"]] == ["folder/a"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\\..\\b", "C:\\x", "é\n\t", "x" * 5000, "a\0b"]
)
def test_names_are_plain_text(tmp_path: Path, name: str) -> None:
    for content in (tar_of({name: LOG}), zip_of({name: LOG})):
        (member,) = analyzed(tmp_path, content)["members"]
        shown = member["name"].rstrip("…")
        assert name.startswith(shown) or name.split("\0")[0] == shown
        assert len(member["name"]) <= 500
        assert member["counts"]["ERROR"] == 40


GLOBS = [
    (["*.log"], ["app.log", "var/log/db.log", "var/log/empty.log"]),
    (["var/*"], ["var/log/db.log", "var/log/empty.log"]),
    (["db.log", "notes.*"], ["var/log/db.log", "notes.txt"]),
    (["var/log/db.log"], ["var/log/db.log"]),
    (["[an]*.???"], ["app.log", "notes.txt"]),
    (["*"], list(FILES)),
]


@pytest.mark.parametrize(("globs", "names"), GLOBS)
def test_globs_select_members(tmp_path: Path, globs: list[str], names: list[str]) -> None:
    selected = {name: FILES[name] for name in names}
    for content in (zip_of(FILES), tar_of(FILES), COMPRESS["tar.gz"](tar_of(FILES))):
        found = analyzed(tmp_path, content, replace(ALL, members=tuple(globs)))
        assert [each["name"] for each in found["members"]] == names
        assert found["counts"] == expected_counts(selected)
        assert found["archive"]["not_selected"] == 4 - len(names)
        assert last_report["bytes_done"] == len(content)


def test_globs_that_select_nothing_are_an_error_that_names_some_members(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match=r"no member .* matches \*\.lgo.*it has app\.log"):
        analyzed(tmp_path, zip_of(FILES), replace(ALL, members=("*.lgo",)))


def test_globs_for_a_file_that_is_no_archive_give_a_warning(tmp_path: Path) -> None:
    found = analyzed(tmp_path, LOG, replace(ALL, members=("*.log",)))
    assert [each["code"] for each in found["warnings"]] == ["no_archive"]
    assert found["counts"]["ERROR"] == 40


def test_an_archive_without_files_gives_a_warning(tmp_path: Path) -> None:
    for content in (zip_of({}), zip_of({"folder/": b""})):
        found = analyzed(tmp_path, content)
        assert [each["code"] for each in found["warnings"]] == ["no_members"]
        assert found["members"] == []


@pytest.mark.heavy
def test_the_list_of_members_is_bounded_and_the_totals_are_not(tmp_path: Path) -> None:
    content = tar_of({f"{number}.log": b"ERROR\n" for number in range(MAX_LISTED + 10)})
    found = analyzed(tmp_path, content)
    assert len(found["members"]) == found["archive"]["listed"] == MAX_LISTED
    assert found["archive"]["analyzed"] == found["counts"]["ERROR"] == MAX_LISTED + 10


def test_many_patterns_make_the_list_of_members_shorter(tmp_path: Path) -> None:
    patterns = [Pattern(f"{number:09}" + "x" * 1000) for number in range(100)]
    found = analyzed(
        tmp_path, zip_of({**FILES, **{str(n): b"" for n in range(20)}}), patterns=patterns
    )
    assert found["archive"]["listed"] == 9
    assert found["archive"]["analyzed"] == 24


def test_an_archive_is_not_read_by_several_processes(tmp_path: Path) -> None:
    for content in (tar_of(FILES), zip_of(FILES)):
        assert analyzed(tmp_path, content, processes=4) == analyzed(tmp_path, content)


def test_a_zip_archive_in_a_compressed_file_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"zip archive in a gzip file.*: decompress it"):
        analyzed(tmp_path, COMPRESS["tar.gz"](zip_of(FILES)))


names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=30)


@settings(
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        names, st.text("ERO\nädn", max_size=300).map(str.encode), min_size=1, max_size=6
    ),
    st.sampled_from(["zip", "streamed", *METHODS, *TARS, *COMPRESS]),
)
def test_any_members_give_the_sums_of_their_counts(
    tmp_path: Path, files: Mapping[str, bytes], kind: str
) -> None:
    if kind in METHODS or kind in ("zip", "streamed"):
        method = METHODS.get(kind, METHODS["deflated"])
        content = zip_of(files, method, streamed=kind == "streamed")
    else:
        tar = tar_of(files, TARS.get(kind, TARS["pax"]))
        content = COMPRESS.get(kind, bytes)(tar)
    if kind == "ustar" and any(len(name.encode()) > 99 for name in files):
        return
    found = analyzed(tmp_path, content)
    assert found["counts"] == expected_counts(files)
    assert [each["bytes"] for each in found["members"]] == [*map(len, files.values())]
