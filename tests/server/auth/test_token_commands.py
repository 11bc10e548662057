"""`python -m server token`: create, list and revoke tokens in a file."""

import json
import os
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from pwd import getpwuid
from socket import gethostname

import pytest

from server.auth.token_entries import Token, TokensError
from server.auth.tokens import add_token, parse_tokens, read_token_file, revoke_token
from storage.access.token_uses import TokenUse, TokenUses
from storage.audit.log import record_from_outside
from storage.records.audit import AuditFilters
from storage.records.job import StoreError, StoreUnusable
from tests.support.stores import Bench
from tests.support.warm_start import run_program

SECRET = "s3cr3t-s3cr3t-s3cr3t"
TEXT = f"\ufeff# who may do what\n\neve:read:{SECRET}\n # bob:admin:x\nbob:admin:{SECRET}2"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_program("server", "token", *arguments, **environ)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def new_token() -> Token:
    return parse_tokens(f"new:submit expires=2030-01-01:{SECRET}3")[0]


def test_a_token_is_added_below_the_others(file: Path) -> None:
    add_token(file, new_token())
    assert file.read_text() == f"{TEXT}\n{new_token().line()}\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in file.parent.iterdir()] == ["tokens"]
    with pytest.raises(TokensError, match="it has a token new already: revoke"):
        add_token(file, new_token())


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    add_token(tmp_path / "tokens", new_token())
    assert (tmp_path / "tokens").stat().st_mode & 0o777 == 0o600
    assert read_token_file(tmp_path / "tokens") == [new_token()]


def test_only_the_line_of_a_revoked_token_is_removed(file: Path) -> None:
    revoke_token(file, "eve")
    assert file.read_text() == TEXT.replace(f"eve:read:{SECRET}\n", "")


def test_the_last_token_and_an_unknown_one_are_not_revoked(file: Path) -> None:
    with pytest.raises(TokensError, match="no token sue; it has eve, bob"):
        revoke_token(file, "sue")
    revoke_token(file, "bob")
    with pytest.raises(TokensError, match="add another token first"):
        revoke_token(file, "eve")
    assert [each.caller.name for each in read_token_file(file)] == ["eve"]


def test_a_link_to_a_file_of_tokens_stays_a_link(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file)
    revoke_token(link, "eve")
    assert (link.is_symlink(), [each.caller.name for each in read_token_file(file)]) == (
        True,
        ["bob"],
    )


def test_a_token_is_created_for_thirty_days_added_and_revoked(file: Path) -> None:
    environ = {"API_TOKENS_FILE": str(file)}
    made = run("create", "ci", "--expires", "30d", "--add", **environ)
    assert made.returncode == 0, made.stderr
    assert re.search(r"^  jst_[\w-]{43}$", made.stdout, re.MULTILINE)
    assert f"added to {file}" in made.stdout
    token = read_token_file(file)[-1]
    assert token.caller.name == "ci"
    assert abs((token.expires_at or 0) - time.time() - 30 * 86_400) < 3600
    assert run("revoke", "ci", **environ).returncode == 0
    assert file.read_text() == TEXT + "\n"


def test_the_list_shows_ends_and_last_uses_and_no_secret(file: Path, bench: Bench) -> None:
    file.write_text(f"old:read expires=2020-01-01:{SECRET}\neve:admin requests=50:{SECRET}2\n")
    TokenUses(bench.store.database).store({"eve": TokenUse(1_798_675_200_000, "10.0.0.7")})
    environ = {"API_TOKENS_FILE": str(file), "DATABASE_URL": bench.store.settings.store_url}
    text = run("list", **environ).stdout
    assert [line.split() for line in text.splitlines()] == [
        ["NAME", "ROLE", "EXPIRES", "QUOTAS", "LAST", "USED", "ADDRESS"],
        ["old", "read", "2020-01-01T00:00:00Z", "(expired)", "-", "-", "-"],
        ["eve", "admin", "-", "requests=50", "2026-12-31T00:00:00Z", "10.0.0.7"],
    ]
    items = json.loads(run("list", "--json", **environ).stdout)["items"]
    assert items[1] == {
        "name": "eve",
        "role": "admin",
        "expires": None,
        "quotas": {"queued": None, "bytes": None, "requests": 50},
        "last_used_at": "2026-12-31T00:00:00Z",
        "address": "10.0.0.7",
    }
    assert SECRET not in text


def test_added_and_revoked_tokens_are_in_the_audit_log(file: Path, bench: Bench) -> None:
    given = {"API_TOKENS_FILE": str(file), "DATABASE_URL": bench.store.settings.store_url}
    environ = {**given, "SUDO_USER": "alice"}
    limits = "--queued", "3", "--bytes", "1GB"
    options = "--role", "submit@b+a", "--expires", "2030-01-01", *limits
    made = run("create", "ci", *options, "--add", **environ)
    assert (made.returncode, made.stderr) == (0, "")
    assert run("create", "shown", **environ).returncode == 0  # only shown, so nothing has changed
    assert run("create", "quiet", "--add", **environ, AUDIT="off").returncode == 0
    assert run("revoke", "ci", **environ).stderr == ""
    revoked, created = bench.store.audit.page(AuditFilters(kind="token"), 10)
    assert (created.action, revoked.action) == ("create token", "revoke token")
    assert {each.subject for each in (created, revoked)} == {"ci"}
    assert {(each.caller, each.address) for each in (created, revoked)} == {(None, None)}
    operator = {"user": getpwuid(os.getuid()).pw_name, "host": gethostname(), "sudo_user": "alice"}
    rights = {"role": "submit@a+b", "expires": "2030-01-01T00:00:00Z"}
    assert created.detail == {**rights, "quotas": "queued=3 bytes=1GB", **operator}
    assert revoked.detail == operator


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "store",
    [
        {"DATA_DIR": "/none"},
        {"DATABASE_URL": "postgresql://127.0.0.1:1/none"},
        {"DATABASE_URL": "sqlite://wrong"},
    ],
)
def test_tokens_are_created_and_revoked_without_a_store(file: Path, store: dict[str, str]) -> None:
    environ = {"API_TOKENS_FILE": str(file), **store}
    for arguments in (("create", "ci", "--add"), ("revoke", "ci")):
        done = run(*arguments, **environ)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("the audit log has no entry of this: ")
    assert file.read_text() == TEXT + "\n"


@pytest.mark.sqlite
def test_a_store_of_another_user_or_an_older_release_is_left_alone(tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("CREATE TABLE job (id TEXT)")
    with pytest.raises(StoreError, match="no such table: audit"):
        record_from_outside(f"sqlite:///{older}", "revoke token", "token", "ci")
    os.chown(older, 12345, -1) if os.getuid() == 0 else older.chmod(0)
    before = {each.name for each in tmp_path.iterdir()}
    with pytest.raises(StoreUnusable, match=r"belongs to user 12345|Permission denied"):
        record_from_outside(f"sqlite:///{older}", "revoke token", "token", "ci")
    assert {each.name for each in tmp_path.iterdir()} == before


@pytest.mark.sqlite
def test_the_list_works_without_a_database(file: Path, tmp_path: Path) -> None:
    answer = run("list", API_TOKENS_FILE=str(file), DATA_DIR=str(tmp_path / "none"))
    assert (answer.returncode, "the last uses are unknown" in answer.stderr) == (0, True)
    assert answer.stdout.splitlines()[1].split() == ["eve", "read", "-", "-", "-", "-"]


def test_a_token_is_created_for_some_queues(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    made = run("create", "ci", "--role", "read-own@b+a", "--add", "--file", str(file))
    assert made.returncode == 0, made.stderr
    assert file.read_text().startswith("ci:read-own@a+b:sha256:")
    assert "read-own@a+b" in run("list", "--file", str(file)).stdout


def test_a_token_is_created_with_quotas(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    made = run(
        "create",
        "ci",
        "--requests",
        "0.5",
        "--queued",
        "7",
        "--expires",
        "2999-01-01",
        "--file",
        str(file),
    )
    assert made.returncode == 0, made.stderr
    assert "  ci:submit expires=2999-01-01T00:00:00Z queued=7 requests=0.5:sha256:" in made.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "ci", "--role", "read@"],
        ["create", "ci", "--expires", "soon"],
        ["create", "ci", "--expires", "0d"],
        ["create", "ci", "--requests", "0"],
        ["create", "ci", "--queued", "1.5"],
        ["create", "ci", "--requests", "many"],
        ["create", "ci", "--add"],
        ["create", "ci", "--add", "--file", "/none/tokens"],
        ["revoke", "ci"],
        ["revoke", "ci", "--file", "/none/tokens"],
        ["list"],
    ],
)
def test_commands_that_cannot_be_run_say_why_and_make_no_token(arguments: list[str]) -> None:
    answer = run(*arguments)
    assert answer.returncode != 0
    assert answer.stderr
    assert "Traceback" not in answer.stderr
    assert "jst_" not in answer.stdout


@pytest.mark.parametrize("given", ["yesterday", "10m", "0d", "2027-13-01", "2027-01-31T12:00:00"])
def test_an_end_that_is_no_time_is_explained(given: str) -> None:
    made = run("create", "ci", "--expires", given)
    assert (made.returncode, made.stdout) == (2, "")
    assert "hours, days or weeks (12h, 30d, 8w), or a day or a time in UTC" in made.stderr


def test_no_token_is_created_that_has_expired(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    made = run("create", "ci", "--expires", "2020-01-01", "--add", "--file", str(file))
    assert made.returncode == 2
    assert "2020-01-01T00:00:00Z is over: the token would never work" in made.stderr
    assert not file.exists()
