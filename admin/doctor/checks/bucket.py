"""Whether the bucket of UPLOADS_URL can be used as the programs use it."""

from collections.abc import Iterator

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject

NAME = "bucket"
_SECONDS, _THOROUGH_SECONDS = 1.0, 20.0


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what cannot be done in the bucket; nothing if uploads are in a folder."""
    if subject.settings.uploads_folder:
        return
    from admin.store_checks.bucket import try_bucket  # not above: it loads obstore

    url = subject.settings.uploads_url
    seconds = _THOROUGH_SECONDS if subject.thorough else _SECONDS
    tried = list(try_bucket(subject.settings, seconds, subject.thorough))
    for operation, permission, problem in tried:
        if problem:
            yield Finding(
                NAME,
                "error",
                f"UPLOADS_URL={url}: cannot {operation}: {problem}",
                "submissions with files fail"
                if operation in ("list", "write")
                else "jobs with files fail, or their files are left in the bucket",
                f"give the access key {permission} for the bucket and its objects, and check "
                "AWS_ENDPOINT_URL, AWS_REGION, bucket and clock; docs/s3.md#rules-for-the-bucket",
            )
    if all(problem is None for _, _, problem in tried):
        yield ok(NAME, f"UPLOADS_URL={url}: {', '.join(each[0] for each in tried)} work")
