"""The guards of files that jobs leave."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/files/test_artifacts.py",)
ROWS = ("tests/storage/jobs/test_files.py",)
MIXED = ("tests/storage/db/test_mixed_releases.py",)

ARTIFACTS = (
    Mutant(
        "the files of a running attempt are not swept",
        "storage/jobs/files.py",
        "known = {key for key in unused if (key.job_id, key.attempt) in attempts}",
        "known = set()",
        ROWS,
    ),
    Mutant(
        "the files of an earlier attempt are swept",
        "storage/jobs/files.py",
        "if (key.job_id, key.attempt) in attempts",
        "if key.job_id in {job_id for job_id, _ in attempts}",
        ROWS,
    ),
    Mutant(
        "files with a row are not swept",
        "storage/jobs/files.py",
        "    known |= {*keys_of_files(database, ids)}\n",
        "",
        ROWS,
    ),
    Mutant(
        "only the holder of a job stores rows of its files",
        "storage/jobs/transitions.py",
        "files = [file for each in settled for file in each.files]",
        "files = [file for each in settlements for file in each.files]",
        ROWS,
    ),
    Mutant(
        "the bytes of files are deleted with their job",
        "storage/jobs/retention.py",
        "return [*_delete_unused(database, uploads), *left]",
        "return [*_delete_unused(database, uploads)]",
        ROWS,
    ),
    Mutant(
        "a job that another release deletes takes the rows of its files along",
        "storage/migrations/0045_job_file.py",
        'DELETE = "DELETE FROM job_file WHERE job_id = OLD.id;"',
        'DELETE = "DELETE FROM job_file WHERE job_id = OLD.id AND position > 99;"',
        MIXED,
    ),
    Mutant(
        "a sweep leaves names alone that are no keys",
        "storage/records/job_file.py",
        "found = _KEY.fullmatch(text)",
        "found = _KEY.search(text)",
        STORED,
    ),
    Mutant(
        "an object that is complete is removed when its file is given up",
        "storage/files/bucket_artifacts.py",
        "        if self._object.may_be_complete:",
        "        if False:",
        STORED,
    ),
)
