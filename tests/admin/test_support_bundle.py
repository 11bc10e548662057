"""The support bundle has what helps, and neither secrets nor texts of jobs."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from admin.doctor.findings.setting_names import secret_names
from admin.support_bundle.logs import without_texts_of_jobs
from admin.support_bundle.redaction import REMOVED, Redactor
from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from tests.support.claims_in_steps import completed
from tests.support.stores import open_bench
from tests.support.warm_start import run_program

CANARY = "canary4711"
"""A part of every secret and of every text of a job in these tests."""
LINES = {
    "message": "job ended",
    "level": "INFO",
    "error": f"ValueError: {CANARY}",
    "traceback": f"in {CANARY}",
    "job_id": "1",
}


def members(data: bytes) -> dict[str, str]:
    """The texts of the members of a bundle, by their names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def secret(name: str) -> str:
    """A value for a secret setting, with the canary in it, that the setting accepts."""
    values = {
        "API_TOKENS": f"ci:admin:token-{CANARY}-0123456789",
        "DATABASE_URL": "",
        "LISTEN_URL": "",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Basic%20{CANARY}",
    }
    return values.get(name, f"secret-{CANARY}-{name.lower()}")


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """Settings with a canary in every secret, even if a file has the secret."""
    found = {name: secret(name) for name in secret_names()}
    found["DATABASE_URL"] = database_url.replace("//tests@/", f"//tests:pass-{CANARY}@/")
    files = {
        "COOKIE_SECRET": f"cookie-of-a-file-{CANARY}",
        "API_TOKENS": f"# comment\nreader:read:other-token-{CANARY}\n",
    }
    del found["COOKIE_SECRET"]
    for name, text in files.items():
        (folder / name).write_text(text)
        found[f"{name}_FILE"] = str(folder / name)
    credentials = folder / "credentials"
    credentials.write_text(f"[default]\naws_secret_access_key = in-a-file-{CANARY}\n")
    found["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
    found["AWS_ENDPOINT_URL"] = f"http://user:pass-{CANARY}@127.0.0.1:9"
    found |= {"HTTPS_PROXY": f"http://user:{CANARY}@proxy:3128", "MY_PASSWORD": f"my-{CANARY}"}
    return {**found, "DATA_DIR": str(folder / "data"), "PORT": "0"}


def test_every_secret_setting_is_known() -> None:
    both = {*RunnerSettings.secrets(), *ServerSettings.secrets(), "API_TOKENS"}
    assert both <= secret_names()


def test_no_secret_and_no_text_of_a_job_is_in_a_bundle(tmp_path: Path, database_url: str) -> None:
    with open_bench(database_url, tmp_path) as bench:
        bench.enqueue(payload={"text": CANARY}, tags=[CANARY], metadata={"a": CANARY})
        holder = bench.runner()
        holder.claims.settle(completed(holder.claim_one(), json.dumps(CANARY)))
    environ = environment(tmp_path, database_url)
    (tmp_path / "data" / "cookie.key").write_bytes(f"key-{CANARY}".encode())
    log = tmp_path / "worker.log"
    given = [*environ.values(), "Bearer jst_" + CANARY, f"sha256:{'ab' * 32}"]
    entries = [{**LINES, "reason": value} for value in given]
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    log.write_text(text + "".join(f"2026-11-29 13:15:39,123 INFO    x reason={v}\n" for v in given))
    to = tmp_path / "bundle.zip"
    options = ("--to", str(to), "--log", str(log))
    answer = run_program("storage", "support-bundle", *options, **environ)
    assert answer.returncode == 0, answer.stderr
    assert CANARY not in answer.stdout + answer.stderr
    assert CANARY.encode() not in to.read_bytes()
    found = members(to.read_bytes())
    assert [name for name, text in found.items() if CANARY in text] == []
    assert [name for name, text in found.items() if "ab" * 32 in text] == []
    assert found["logs/0-worker.log.log"].count("job ended") == len(given)
    assert json.loads(found["settings.json"])["problems"] == {}
    assert REMOVED in found["settings.json"]
    assert '"sleep"' in found["store.json"]
    assert "job_service_jobs_submitted_total" in found["metrics.txt"]
    assert to.stat().st_mode & 0o077 == 0


@pytest.mark.sqlite
def test_a_bundle_of_invalid_settings_and_without_a_store_says_what_is_wrong(
    tmp_path: Path,
) -> None:
    to = tmp_path / "bundle.zip"
    given = {"DATA_DIR": str(tmp_path / "none"), "COOKIE_SECRET": CANARY, "PORT": "70000"}
    answer = run_program("storage", "support-bundle", "--to", str(to), **given)
    assert answer.returncode == 0, answer.stderr
    found = members(to.read_bytes())
    assert CANARY not in "".join(found.values())
    assert "PORT=70000" in found["settings.json"]
    assert "error    settings: PORT=70000" in found["doctor.txt"]
    again = run_program("storage", "support-bundle", "--to", str(to), **given)
    assert again.returncode == 1
    assert again.stderr.startswith(f"no bundle was written: {to}: File exists")


@pytest.mark.sqlite
def test_no_bundle_is_written_without_a_log_that_was_named(tmp_path: Path) -> None:
    to, log = tmp_path / "bundle.zip", tmp_path / "none.log"
    options = ("--to", str(to), "--log", str(log))
    answer = run_program("storage", "support-bundle", *options, DATA_DIR=str(tmp_path / "data"))
    assert answer.returncode == 1
    assert answer.stderr == f"no bundle was written: --log {log}: No such file or directory\n"
    assert not to.exists()


def test_only_entries_of_programs_are_kept_of_a_log() -> None:
    lines = [
        f"printed by a job: {CANARY}",
        json.dumps({"printed": CANARY}),
        "worker-1  | " + json.dumps(LINES),
        f"2026-11-29 13:15:39,123 INFO    job ended job_id=1 error=ValueError: {CANARY}",
        f"    {CANARY}",
        "2026-11-29 13:15:40,123 ERROR   unforeseen error",
        "Traceback (most recent call last):",
        '  File "x.py", line 1, in f',
        f"ValueError: {CANARY}",
    ]
    kept = without_texts_of_jobs("\n".join(lines)).splitlines()
    assert CANARY not in "\n".join(kept)
    assert json.loads(kept[0]) == {"message": "job ended", "level": "INFO", "job_id": "1"}
    assert kept[1:] == [
        "2026-11-29 13:15:39,123 INFO    job ended job_id=1",
        "2026-11-29 13:15:40,123 ERROR   unforeseen error",
        "Traceback (most recent call last):",
        '  File "x.py", line 1, in f',
        "(4 lines that are no entries of a program were left out)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://jobs:{CANARY}@db/jobs",
        f"http://:{CANARY}@proxy:80",
        f"host=db password={CANARY} dbname=jobs",
        f"Authorization: Bearer {CANARY}",
        f"jst_{CANARY}",
        f"?X-Amz-Signature=0123&X-Amz-Credential={CANARY}/2026",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
    ],
)
def test_texts_that_look_like_secrets_are_removed(text: str) -> None:
    assert CANARY not in Redactor({}, None)(text)


def test_a_known_secret_is_removed_in_every_form() -> None:
    value = 'a/b"c d'
    redact = Redactor({"COOKIE_SECRET": value}, None)
    for form in (value, "a%2Fb%22c%20d", json.dumps(value), repr(value)):
        assert redact(f"before {form} after").strip("\"'").count("a/b") == 0
    assert redact("an ordinary text") == "an ordinary text"
