"""Files of a lost attempt, missing ones and orphans are found."""

import hashlib
from dataclasses import replace
from uuid import UUID

from storage.records.job_file import JobFile
from tests.system.chaos.files import StoredFiles, check_files, file_content
from tests.system.chaos.history import Change

JOB = UUID(int=7)
RESULT = '{"attempt": 2, "run": "ab", "files": 2}'
DONE = Change("update", str(JOB), "succeeded", 2, None, 0, 1, False, 9, result=RESULT)


def row(number: int, attempt: int = 2) -> JobFile:
    data = file_content(attempt, "ab", number)
    digest = hashlib.sha256(data).hexdigest()
    file_id = UUID(int=number)
    return JobFile(JOB, f"{number}.txt", number, len(data), "", digest, file_id, attempt)


ROWS = [row(0), row(1)]
BYTES = {str(file.key): file_content(2, "ab", file.position) for file in ROWS}


def broken(rows: list[JobFile], contents: dict[str, bytes], job: Change = DONE) -> list[str]:
    return [each.text for each in check_files(StoredFiles(rows, contents), [job])]


def test_all_files_of_the_attempt_that_succeeded_pass() -> None:
    assert broken(ROWS, BYTES) == []
    assert broken([], {}, replace(DONE, result='{"attempt": 2, "run": "ab", "files": 0}')) == []
    assert broken([], {}, replace(DONE, status="failed", result=None)) == []


def test_a_missing_file_is_found() -> None:
    assert (
        "1 files instead of 2" in broken(ROWS[:1], {str(ROWS[0].key): file_content(2, "ab", 0)})[0]
    )
    assert "not the one" in broken(ROWS, {**BYTES, str(ROWS[1].key): b""})[0]
    assert "not the one" in broken(ROWS, {str(ROWS[0].key): BYTES[str(ROWS[0].key)]})[0]


def test_a_file_of_another_attempt_is_found() -> None:
    lost = row(1, attempt=1)
    contents = {str(ROWS[0].key): BYTES[str(ROWS[0].key)], str(lost.key): file_content(1, "ab", 1)}
    assert "not the one" in broken([ROWS[0], lost], contents)[0]


def test_files_of_a_job_that_did_not_succeed_are_found() -> None:
    failed = replace(DONE, status="failed", result=None)
    assert "2 files instead of 0" in broken(ROWS, BYTES, failed)[0]


def test_orphans_are_found() -> None:
    assert "1 stored files belong to no job" in broken(ROWS, {**BYTES, "x": b""})[0]
