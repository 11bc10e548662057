"""Numbers with their nouns."""

from storage.records.counted import counted


def test_only_one_has_the_singular() -> None:
    assert [counted(n, "job") for n in (0, 1, 2, 1000)] == [
        "0 jobs",
        "1 job",
        "2 jobs",
        "1,000 jobs",
    ]
    assert [counted(n, "file is", "files are") for n in (1, 3)] == ["1 file is", "3 files are"]
