"""Tokens in the settings: parsing, errors that show no secret, creation, and changed files."""

import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.auth.callers import Caller, Rights, Role
from server.auth.quotas import Quotas
from server.auth.sessions import KEY_FILE, load_or_create_key
from server.auth.token_entries import Token, TokensError
from server.auth.tokens import (
    FILE_CHECK_SECONDS,
    Tokens,
    parse_tokens,
    read_token_file,
)
from server.settings.server import ServerSettings
from server.start.token_commands import create_token
from storage.records.job import StoreError
from storage.settings.settings import SettingsError
from tests.support.stores import Clock
from tests.support.warm_start import run_program

SECRET = "s3cr3t-s3cr3t-s3cr3t"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


def tokens(text: str) -> Tokens:
    return Tokens(parse_tokens(text), None)


def found(among: Tokens, token: str) -> Caller | None:
    one = among.find_any(token)
    return None if one is None else one.caller


def test_a_token_is_found_by_its_text_if_only_its_hash_is_configured() -> None:
    among = tokens(f" ci:submit:{SECRET} ,, ops.1-x_Y:admin:sha256:{HASH.upper()[:-1]}0,")
    assert found(among, SECRET) == Caller("ci", Role.SUBMIT)
    for other in ("", SECRET[:-1], SECRET + "x", HASH, f"sha256:{HASH}", "ci", "ü", SECRET * 100):
        assert found(among, other) is None
    assert found(tokens(f"ops:admin:sha256:{HASH}"), SECRET) == Caller("ops", Role.ADMIN)


def test_only_hashes_are_kept() -> None:
    (one,) = parse_tokens(f"ci:submit:{SECRET}")
    assert one == Token(Caller("ci", Role.SUBMIT), bytes.fromhex(HASH))
    assert (SECRET in repr(one), HASH in repr(one)) == (False, False)
    settings = ServerSettings.read({"API_TOKENS": f"ci:submit:{SECRET}"})
    assert SECRET not in f"{settings!r} {settings} {vars(settings.tokens())}"


@pytest.mark.parametrize(
    "entry",
    [
        SECRET,
        f"ci:{SECRET}",
        f"ci:submit{SECRET}:",
        f":submit:{SECRET}",
        f"{'n' * 65}:submit:{SECRET}",
        f"c i:submit:{SECRET}",
        f"cí:submit:{SECRET}",
        f"ci:root:{SECRET}",
        f"ci:SUBMIT:{SECRET}",
        f"ci:submit:{SECRET[:15]}",
        f"ci:submit:{SECRET} x",
        f"ci:submit:{SECRET}:x",
        f"ci:submit:{SECRET * 30}",
        f"ci:submit:sha256:{HASH[:-1]}",
        f"ci:submit:sha256:{HASH[:-1]}g",
        f"submit:ci:{SECRET}",
        f"{SECRET}:submit:ci",
    ],
)
def test_an_invalid_entry_is_refused_and_not_shown(entry: str, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# who may do what\n\nops:admin:sha256:{HASH}\n{entry}\n")
    environ = {"API_TOKENS": f"a:read:{SECRET}x,{entry}", "API_TOKENS_FILE": str(file)}
    with pytest.raises(SettingsError) as caught:
        ServerSettings.read(environ)
    text = str(caught.value)
    assert "API_TOKENS: entry 2: " in text
    assert f"API_TOKENS_FILE={file}: line 4: " in text
    assert (SECRET[:15] in text, HASH[:20] in text) == (False, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (" , ", "contains no token"),
        (f"a:read:{SECRET},a:admin:{SECRET}2", "name is given twice"),
        (f"a:read:{SECRET},b:admin:{SECRET}", "token is given twice"),
        (f"a:read:{SECRET},b:admin:sha256:{HASH}", "token is given twice"),
        ("a:read:x,b:x:y,c", "entry 1: .*entry 2: .*entry 3: "),
    ],
)
def test_duplicate_names_and_tokens_are_refused(text: str, problem: str) -> None:
    with pytest.raises(TokensError, match=problem):
        parse_tokens(text)


def test_a_name_in_the_setting_and_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"ci:read:{SECRET}\n")
    environ = {"API_TOKENS": f"ci:admin:{SECRET}2", "API_TOKENS_FILE": str(file)}
    with pytest.raises(SettingsError, match="a name is given twice"):
        ServerSettings.read(environ)


@pytest.mark.parametrize("content", [None, b"", b"# nobody\n\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_refused(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="API_TOKENS_FILE"):
        ServerSettings.read({"API_TOKENS_FILE": str(file)})


def test_a_file_may_have_comments_blank_lines_and_windows_line_ends(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tokens"
    text = f"\r\n # ops:admin:{SECRET}\r\nci:submit:{SECRET} \r\n\r\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [one.caller for one in read_token_file(file)] == [Caller("ci", Role.SUBMIT)]


def test_without_settings_there_are_no_tokens() -> None:
    assert ServerSettings.read({"API_TOKENS": "", "API_TOKENS_FILE": " "}).tokens() is None


def test_a_file_that_changes_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "tokens", Clock()
    file.write_text(f"ci:read:{SECRET}\n")
    among = Tokens(parse_tokens(f"ops:admin:{SECRET}2"), file, lambda: clock.now / 1000)

    def change(text: str) -> Iterator[Caller | None]:
        """The caller of the token, before the changed file is read and after it."""
        file.write_text(text)
        yield found(among, SECRET)
        clock.forward(FILE_CHECK_SECONDS)
        yield found(among, SECRET)

    reader, admin = Caller("ci", Role.READ), Caller("ci", Role.ADMIN)
    assert list(change(f"ci:admin:{SECRET}\n")) == [reader, admin]
    assert list(change(f"ci:root:{SECRET}\n")) == [admin, admin]
    assert list(change(f"ops:admin:{SECRET}\n")) == [admin, admin]
    assert list(change(f"other:read:{SECRET}3\n")) == [admin, None]
    assert found(among, SECRET + "2") == Caller("ops", Role.ADMIN)
    file.unlink()
    clock.forward(FILE_CHECK_SECONDS)
    assert found(among, SECRET + "3") == Caller("other", Role.READ)
    assert SECRET not in caplog.text
    assert caplog.text.count("API_TOKENS_FILE cannot be used") == 3


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_program("server", *arguments, **environ)


def test_the_command_makes_a_token_that_works_with_the_line_it_prints() -> None:
    first, second = (run("token", "create", "ci", "--role", "admin").stdout for _ in range(2))
    (token,) = re.findall(r"^  (jst_[\w-]{43})$", first, re.MULTILINE)
    (line,) = re.findall(r"^  (ci:admin:sha256:\w{64})$", first, re.MULTILINE)
    assert found(tokens(line), token) == Caller("ci", Role.ADMIN)
    assert token not in second
    assert "ci:submit:" in run("token", "create", "ci").stdout


@pytest.mark.parametrize(
    "arguments", [["create", "a:b"], ["create", "ci", "--role", "root"], ["create"], []]
)
def test_the_command_reports_invalid_arguments(arguments: list[str]) -> None:
    answer = run("token", *arguments)
    assert answer.returncode != 0
    assert answer.stderr
    assert "Traceback" not in answer.stderr
    assert "jst_" not in answer.stdout


def test_an_invalid_name_for_a_token_is_refused() -> None:
    with pytest.raises(SystemExit, match="1 to 64"):
        create_token("a,b", Rights(Role.READ), None, Quotas(), None)


def test_help_lists_the_command_and_the_settings() -> None:
    text = run("--help").stdout
    assert "token create NAME" in text
    assert "API_TOKENS_FILE" in text


def test_a_start_with_wrong_settings_shows_no_secret() -> None:
    environ = {
        "API_TOKENS": f"ci:root:{SECRET}",
        "COOKIE_SECRET": "sEcReT-1",
        "CALLBACK_SECRET": "sEcReT-2",
        "DATABASE_URL": "mysql://me:sEcReT-3@there/jobs",
        "PORT": "no",
    }
    answer = run(**environ)
    assert answer.returncode == 1
    message = json.loads(answer.stderr)["message"]
    for name in environ:
        assert f"\n{name}" in message
    assert SECRET not in answer.stderr
    assert "sEcReT" not in answer.stderr


def test_a_listener_that_creates_the_key_second_keeps_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = load_or_create_key(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as it was when the listener looked
    assert load_or_create_key(tmp_path) == key


def test_only_the_first_of_several_listeners_creates_the_key(tmp_path: Path) -> None:
    together, keys = threading.Barrier(8), []

    def make() -> None:
        together.wait(20)
        keys.append(load_or_create_key(tmp_path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(tmp_path) == keys[0]


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(StoreError, match="delete it"):
        load_or_create_key(tmp_path)
