"""Guards of job types that are functions."""

from tests.mutants.mutant import Mutant

SIGNATURE = ("tests/runner/job_types/functions/test_signature.py",)
CALLS = ("tests/runner/job_types/functions/test_functions.py",)

FUNCTIONS = (
    Mutant(
        "a function gets as many files as it has parameters for",
        "runner/job_types/functions/signature.py",
        "if lacking or left:",
        "if False:",
        SIGNATURE,
    ),
    Mutant(
        "a submission with a wrong number of files is refused",
        "runner/job_types/functions/signature.py",
        "if count < least or (count > len(self.files) and not takes_more):",
        "if False:",
        ("tests/server/jobs/validation/test_file_counts.py",),
    ),
    Mutant(
        "several files of a form are counted when all have arrived",
        "server/api/jobs/jobs.py",
        "is_new = form.file_part == FILES_PART or len",
        "is_new = len",
        ("tests/server/jobs/validation/test_file_counts.py",),
    ),
    Mutant(
        "a path is no field of a payload",
        "runner/job_types/functions/signature.py",
        "issubclass(plain, (bytes, bytearray, PurePath))",
        "issubclass(plain, (bytes, bytearray))",
        SIGNATURE,
    ),
    Mutant(
        "a list of files is the last parameter for files",
        "runner/job_types/functions/signature.py",
        "if rest and rest != names[-1:]:",
        "if False:",
        SIGNATURE,
    ),
    Mutant(
        "a generator is no job type",
        "runner/job_types/functions/signature.py",
        "problems = list(_problems_of_kind(function))",
        "problems = list[str]()",
        SIGNATURE,
    ),
    Mutant(
        "the default of a parameter is a valid value",
        "runner/job_types/functions/payload.py",
        "yield from _problems_of_default(each, one)",
        "",
        SIGNATURE,
    ),
    Mutant(
        "values of a payload are read as JSON has them",
        "runner/job_types/functions/payload.py",
        "return cls.model_validate_json(json.dumps(obj), **options)",
        "return super().model_validate(obj, **options)",
        CALLS,
    ),
    Mutant(
        "frames of the service are not in the traceback of a function",
        "runner/pool/job_process/results.py",
        "'functions'}{os.sep}",
        "'nothing'}{os.sep}",
        CALLS,
    ),
    Mutant(
        "frames of asyncio are not in the traceback of a coroutine",
        "runner/pool/job_process/results.py",
        "parents[2] / 'asyncio'}",
        "parents[2] / 'nothing'}",
        CALLS,
    ),
    Mutant(
        "the file of returned bytes is in no other folder",
        "runner/job_types/functions/decorator.py",
        ' or "/" in file_name:',
        ":",
        CALLS,
    ),
    Mutant(
        "an option that does not exist is refused",
        "runner/job_types/functions/decorator.py",
        "if unknown := sorted(given.keys() - set(known)):",
        "given = {key: each for key, each in given.items() if key in known}\n    if unknown := []:",
        CALLS,
    ),
)
