"""Settings are read from the environment, and all problems are reported at once."""

import json
import logging
import re
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from storage.db.database import open_engine
from storage.settings.removed import REMOVED, warn_of_removed_settings
from storage.settings.settings import Settings, SettingsError
from storage.telemetry.logs import TextFormatter
from tests.support.warm_start import run_program

PROGRAMS: dict[str, type[Settings]] = {"server": ServerSettings, "runner": RunnerSettings}


def test_without_an_environment_the_defaults_hold() -> None:
    server, runner = ServerSettings.read({}), RunnerSettings.read({})
    assert (server.port, runner.concurrency_limit) == (5000, 3)
    assert server.store_url.endswith("/data/jobs.db")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert ServerSettings.read({"PORT": " ", "DATA_DIR": ""}).port == 5000


def test_all_problems_are_reported_at_once_with_name_value_and_what_is_allowed() -> None:
    environ = {"PORT": "http", "LOG_LEVEL": "loud", "RATE_LIMIT": "0", "LOG_FORMAT": "x"}
    with pytest.raises(SettingsError) as caught:
        ServerSettings.read({**environ, "DATABASE_URL": "mysql://x"})
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    for name, value in environ.items():
        assert any(line.startswith(f"{name}={value}: ") for line in lines)
    assert any("DATABASE_URL: it must start with sqlite:///" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "http", "it must be a whole number"),
        ("MAX_QUEUED_JOBS", "1.5", "it must be a whole number"),
        ("PORT", "65536", "it must be at most 65535"),
        ("CELL", "4096", "it must be below 4096"),
        ("SESSION_SECONDS", "59", "it must be at least 60"),
        ("SESSION_SECONDS", "nan", "it must be a finite number"),
        ("RATE_LIMIT", "x", "it must be a number"),
        ("RATE_LIMIT", "0", "it must be above 0"),
        ("LOG_FORMAT", "xml", "it must be 'auto', 'text' or 'json'"),
        ("GROUP_ROLES", "ops", "'ops' must be GROUP:ROLE, such as ops:admin or *:read"),
        (
            "GROUP_ROLES",
            "ops:root",
            "'ops:root': the role must be one of read-own, read, submit, admin; @QUEUE+QUEUE may"
            " follow it",
        ),
        ("GROUP_ROLES", "a:read, a:admin", "the group 'a' is given twice"),
        ("OIDC_ISSUER", "id.example.org", "it must be a URL such as https://id.example.org"),
        ("OIDC_ISSUER", "https://[", "it must be a URL such as https://id.example.org"),
        (
            "OIDC_ISSUER",
            "http://id.example.org",
            "it must begin with https://, because others could read the tokens",
        ),
        ("OIDC_ISSUER", "https://id.example.org", "it needs OIDC_CLIENT_ID"),
        ("OIDC_SCOPES", "email", "it must have openid"),
        ("AUTH_PROXY_HEADER", "Remote-User", "it needs TRUSTED_PROXIES and GROUP_ROLES"),
        ("AUTH_PROXY_HEADER", "Cookie", "clients or proxies send this header for another purpose"),
        ("AUTH_PROXY_HEADER", "a b", "it must be the name of a header, such as Remote-User"),
        (
            "AUTH_PROXY_GROUPS_HEADER",
            "Remote-Groups",
            "it needs TRUSTED_PROXIES and GROUP_ROLES and AUTH_PROXY_HEADER",
        ),
    ],
)
def test_a_problem_says_in_plain_words_what_is_allowed(name: str, value: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ServerSettings.read({name: value})
    assert str(caught.value) == f"{name}={value}: {reason}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONCURRENCY_LIMIT", "0"),
        ("CONCURRENCY_LIMIT", "1.5"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
        ("LEASE_SECONDS", "1"),
        ("RETENTION_SECONDS", "inf"),
        ("JOB_MEMORY_BYTES", "1000000"),
        ("JOB_CPU_SECONDS", "0"),
    ],
)
def test_a_number_out_of_range_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}={value}"):
        RunnerSettings.read({name: value})


def test_a_switch_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(SettingsError, match="OTEL_SDK_DISABLED=maybe: it must be true or false"):
        ServerSettings.read({"OTEL_SDK_DISABLED": "maybe"})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.read({}).log_level = "DEBUG"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128m", 128 << 20),
        ("128M", 128 << 20),
        ("128MB", 128 << 20),
        (" 128 MiB ", 128 << 20),
        ("1.5g", 3 << 29),
        ("1t", 1 << 40),
        ("134217728", 128 << 20),
        ("131072k", 128 << 20),
    ],
)
def test_a_size_may_have_a_unit(text: str, size: int) -> None:
    assert RunnerSettings.read({"JOB_MEMORY_BYTES": text}).job_memory_bytes == size


@pytest.mark.parametrize("text", ["128q", "m", "1.5", "1e9", "-1m", "1mm", "inf", "0x10"])
def test_a_size_that_cannot_be_read_is_reported_with_the_units(text: str) -> None:
    with pytest.raises(SettingsError, match=f"JOB_MEMORY_BYTES={text}: it must be a number of byt"):
        RunnerSettings.read({"JOB_MEMORY_BYTES": text})


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_lists_every_setting_with_its_default(program: str) -> None:
    answer = run_program(program, "--help")
    assert answer.returncode == 0
    for name, field in PROGRAMS[program].model_fields.items():
        (line,) = [row for row in answer.stdout.splitlines() if row.split()[:1] == [name.upper()]]
        assert not field.default or f"(default: {field.default})" in line


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_with_wrong_settings_says_so_and_does_not_start(program: str) -> None:
    answer = run_program(program, LOG_LEVEL="loud", JOB_TYPES="runner.job_types")
    assert answer.returncode == 1
    assert "LOG_LEVEL=loud" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://[::1/x",
        "postgresql://jobs:top/secret@db/x",
        "postgresql://jobs:top\N{CARE OF}secret@db/x",
        "postgresql://jobs:topsecret@db:99999/x",
        "postgresql://jobs:topsecret@db:5432,db2:99999/x",
        "postgresql://jobs:topsecret@[::1]:5432,[::1/x",
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "LISTEN_URL"])
def test_an_unreadable_url_is_reported_without_its_password(name: str, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"DATABASE_URL": "postgresql://db/x", name: url})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{name}: it cannot be read as an address")
    assert "top" not in line


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_whose_database_is_a_folder_says_so_and_ends(
    program: str, tmp_path: Path
) -> None:
    (tmp_path / "data" / "jobs.db").mkdir(parents=True)
    for expected, environ in (
        (f"DATABASE_URL: {tmp_path}", {"DATABASE_URL": f"sqlite:///{tmp_path}"}),
        (f"cannot start: {tmp_path}/data/jobs.db", {"DATABASE_URL": ""}),
    ):
        data = {"DATA_DIR": str(tmp_path / "data"), "PORT": "0", "LOG_FORMAT": "text"}
        answer = run_program(program, **data, **environ)
        assert answer.returncode == 1
        assert answer.stderr.splitlines()[-1] == f"{expected} is a folder, not a file"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"JOB_TYPES": " "}, []),
        ({"JOB_TYPES": "mine, -sleep"}, ["mine", "-sleep"]),
        ({"JOB_TYPES": "runner.job_types,mine"}, ["mine"]),
        ({"JOB_TYPES": "mine", "MORE_JOB_TYPES": ""}, ["mine"]),
        ({"JOB_TYPES": "mine", "MORE_JOB_TYPES": "other,mine"}, ["mine", "other"]),
    ],
)
def test_job_types_are_added_to_the_built_in_ones(
    environ: dict[str, str], expected: list[str]
) -> None:
    assert Settings.read(environ).job_type_packages == ["runner.job_types", *expected]


@pytest.mark.heavy
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_cannot_start_says_so_in_the_format_of_its_log(
    program: str, tmp_path: Path
) -> None:
    (tmp_path / "jobs.db").mkdir()
    for environ, expected in (
        ({"LOG_LEVEL": "loud"}, "cannot start, the settings are invalid:\nLOG_LEVEL=loud"),
        ({}, "cannot start: "),
    ):
        data = {"DATA_DIR": str(tmp_path), "PORT": "0", "LOG_FORMAT": "json", **environ}
        answer = run_program(program, **data)
        assert answer.returncode == 1
        last = [json.loads(line) for line in answer.stderr.splitlines()][-1]
        assert last["message"].startswith(expected)
        assert (last["level"], last["program"]) == ("CRITICAL", PROGRAMS[program].program)


@pytest.mark.heavy
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_cannot_find_its_job_types_says_so(program: str, tmp_path: Any) -> None:
    answer = run_program(program, JOB_TYPES="no.such.module", DATA_DIR=str(tmp_path), PORT="0")
    assert answer.returncode == 1
    assert "no.such.module" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_log_line_for_a_terminal_ends_with_its_fields() -> None:
    record = logging.makeLogRecord({"msg": "job ended", "job_id": "x", "seconds": 1.5})
    assert TextFormatter("%(message)s").format(record) == "job ended job_id=x seconds=1.5"
    record.traceback = "Traceback:\n2026-01-01 INFO forged\n"
    line, *more = TextFormatter("%(message)s").format(record).splitlines()
    assert (line, more) == (
        "job ended job_id=x seconds=1.5 traceback=Traceback:",
        ["    2026-01-01 INFO forged"],
    )


def test_a_traceback_follows_the_line_with_its_fields() -> None:
    try:
        raise KeyError("k")
    except KeyError:
        record = logging.makeLogRecord({"msg": "oh", "n": 1, "exc_info": sys.exc_info()})
    lines = TextFormatter("%(message)s").format(record).splitlines()
    assert (lines[0], lines[-1]) == ("oh n=1", "KeyError: 'k'")


def test_a_program_logs_json_where_there_is_no_terminal(tmp_path: Any) -> None:
    (tmp_path / "uploads").write_text("a file in the way, found after the schema is made")
    answer = run_program("server", DATA_DIR=str(tmp_path), PORT="0")
    assert answer.returncode == 1
    first = json.loads(answer.stderr.splitlines()[0])
    assert (first["level"], first["program"]) == ("INFO", "listener")
    assert re.fullmatch(rf"{re.escape(socket.gethostname())}-\d+", first["instance"])
    assert datetime.fromisoformat(first["time"]).utcoffset() == timedelta()


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    url, cookie = tmp_path / "url", tmp_path / "cookie"
    url.write_text("postgresql://jobs:secret@db/jobs\n")
    cookie.write_text("0123456789abcdef")
    environ = {"DATABASE_URL_FILE": str(url), "COOKIE_SECRET_FILE": str(cookie)}
    server = ServerSettings.read(environ)
    assert server.store_url == "postgresql://jobs:secret@db/jobs"
    assert server.cookie_secret == "0123456789abcdef"
    assert "secret@" not in repr(server)
    assert RunnerSettings.read(environ).store_url == server.store_url
    assert "COOKIE_SECRET_FILE" in ServerSettings.help()
    assert "API_TOKENS_FILE" in ServerSettings.help()
    assert "API_TOKENS_FILE_FILE" not in ServerSettings.help()


@pytest.mark.parametrize("name", ["COOKIE_SECRET", "CALLBACK_SECRET", "DATABASE_URL"])
@pytest.mark.parametrize("data", [b"%s", b"%s\n", b"%s\r\n", b"\xef\xbb\xbf%s\n"])
def test_the_end_of_the_line_is_no_part_of_a_secret(name: str, data: bytes, tmp_path: Path) -> None:
    (file := tmp_path / "secret").write_bytes(data % b"postgresql://jobs:secret@db/jobs")
    settings = ServerSettings.read({f"{name}_FILE": str(file)})
    assert getattr(settings, name.lower()) == "postgresql://jobs:secret@db/jobs"


def test_problems_with_a_secret_file_are_reported_without_the_secret(tmp_path: Path) -> None:
    names = "empty", "short", "binary", "two", "large"
    empty, short, binary, two, large = (tmp_path / name for name in names)
    two.write_text("postgresql://jobs:topsecret@db/x\npostgresql://topsecret@db/y\n")
    large.write_text("topsecret" * 10_000)
    empty.write_text(" \n")
    short.write_text("topsecret")
    binary.write_bytes(b"\xff\xfe\x00")
    both = {"COOKIE_SECRET": "0123456789abcdef", "COOKIE_SECRET_FILE": str(short)}
    for environ, expected in (
        ({"DATABASE_URL_FILE": str(tmp_path / "none")}, "it cannot be read"),
        ({"DATABASE_URL_FILE": str(tmp_path)}, "it cannot be read"),
        ({"DATABASE_URL_FILE": str(binary)}, f"DATABASE_URL_FILE={binary}: it is not UTF-8 text"),
        ({"DATABASE_URL_FILE": str(two)}, "DATABASE_URL: it contains a line break"),
        ({"COOKIE_SECRET_FILE": str(large)}, "it has more than 65536 bytes"),
        ({"COOKIE_SECRET_FILE": "/dev/zero"}, "it has more than 65536 bytes"),
        ({"DATABASE_URL_FILE": str(empty)}, "it is empty"),
        ({"COOKIE_SECRET_FILE": str(short)}, "COOKIE_SECRET: it must have at least 16"),
        (both, "give either COOKIE_SECRET or COOKIE_SECRET_FILE, not both"),
    ):
        with pytest.raises(SettingsError) as caught:
            ServerSettings.read(environ)
        assert expected in str(caught.value)
        assert "topsecret" not in str(caught.value)


def test_the_url_of_a_database_may_name_several_servers() -> None:
    url = "postgresql://jobs:a%2Cb@db1:5432,[::1]:5433,db3/x?target_session_attrs=read-write"
    settings = Settings.read({"DATABASE_URL": url, "LISTEN_URL": url})
    options = open_engine(settings.store_url).peewee.connect_params
    assert (options["host"], options["port"]) == ("db1,::1,db3", "5432,5433,")
    assert options["target_session_attrs"] == "read-write"
    assert options["password"] == "a,b"
    with pytest.raises(SettingsError, match="a host is missing"):
        Settings.read({"DATABASE_URL": "postgresql://db1:5432,/x"})


def test_a_removed_setting_that_has_a_value_is_named_with_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_of_removed_settings({"PARTS_BYTES": "0", "PORT": "1"})
    (line,) = [vars(record) for record in caplog.records]
    assert (line["levelname"], line["setting"]) == ("WARNING", "PARTS_BYTES")
    assert line["do"].startswith("remove it")
    fields = {*RunnerSettings.model_fields, *ServerSettings.model_fields}
    assert REMOVED.keys().isdisjoint(map(str.upper, fields))
