"""Jobs of commands, run as a job process does: input, output, result, errors."""

import io
import os
import signal
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.job_types.base import FILES_FOLDER, Context, JobError, NotRetryable, UploadFile
from runner.job_types.commands import command as commands
from runner.job_types.commands.command import command_type
from runner.job_types.commands.definition import Definition
from runner.job_types.registry.member_files import files_of
from server.api.uploads.zip_records import ZipRecords
from tests.support.programs import alive
from tests.support.waiting import wait_for

SHELL = ["sh", "-c"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The work folder of the job: the current one."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


class NetworkFile(io.RawIOBase):
    """A file without a descriptor. It fails after its data if it gets an error."""

    def __init__(self, data: bytes, error: OSError | None = None) -> None:
        self._data, self._error = io.BytesIO(data), error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._data.readinto(buffer)
        if not count and self._error:
            raise self._error
        return count


class NetworkUpload(UploadFile):
    """An upload that is read over the network."""

    def __init__(self, data: bytes, error: OSError | None = None) -> None:
        super().__init__(Path(), "a.txt", len(data))
        self._reader = NetworkFile(data, error)

    def open(self) -> io.RawIOBase:
        return self._reader


def local(folder: Path, data: bytes) -> UploadFile:
    path = folder.parent / "upload"
    path.write_bytes(data)
    return UploadFile(path, "a.txt", len(data))


def run(
    argv: list[Any],
    upload: UploadFile | None = None,
    payload: dict[str, Any] | None = None,
    takes: str | None = None,
    **definition: Any,
) -> Any:
    """The result of a job of a command. `takes` is its field `upload`."""
    definition = {**definition, "upload": takes} if takes else definition
    made = command_type("a", Definition.model_validate({"argv": argv, **definition}))
    job_type = made()
    job_type.load()
    valid = made.Payload.model_validate(payload or {})
    context = Context("j1", 2, upload, print, cores=3)
    context.list_uploads = files_of
    return job_type.run(valid, context)


def test_a_program_runs_in_the_folder_of_the_job(folder: Path) -> None:
    assert run([*SHELL, "pwd; : > made"], stdout="text") == f"{folder}\n"
    assert (folder / "made").exists()


def test_a_program_runs_in_its_working_folder(tmp_path: Path, folder: Path) -> None:
    printed = run([*SHELL, "pwd; echo {folder}"], stdout="text", working_folder=str(tmp_path))
    assert printed == f"{tmp_path}\n{folder}\n"


def test_a_working_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    with pytest.raises(NotRetryable, match=f"working_folder '{missing}': No such file"):
        run(["true"], working_folder=missing)


def test_a_program_gets_what_the_job_has_and_what_the_command_adds() -> None:
    text = "echo {job_id} {attempt} {cores} $HOME $COLOR"
    printed = run(
        [*SHELL, text],
        stdout="text",
        env={"COLOR": "{color}", "HOME": "/h"},
        parameters={"color": {"type": "text"}},
        payload={"color": "-red"},
    )
    assert printed == "j1 2 3 /h -red\n"


def test_a_file_on_disk_is_standard_input(folder: Path) -> None:
    assert run(["cat"], local(folder, b"abc"), stdin="upload", stdout="text") == "abc"


def test_a_file_in_remote_storage_is_fed_to_standard_input() -> None:
    data = bytes(range(97, 107)) * 100_000
    printed = run(["cat"], NetworkUpload(data), stdin="upload", stdout="text")
    assert printed == data.decode()


def test_a_program_need_not_read_its_input() -> None:
    data = b"x" * 1_000_000
    assert run(["head", "-c", "3"], NetworkUpload(data), stdin="upload", stdout="text") == "xxx"
    assert run(["true"], NetworkUpload(data), stdin="upload") == {"exit_code": 0}


def test_input_that_cannot_be_read_to_its_end_fails_the_job() -> None:
    upload = NetworkUpload(b"abc", OSError("the store refuses"))
    with pytest.raises(JobError, match="cannot read the upload: the store refuses") as caught:
        run(["cat"], upload, stdin="upload", stdout="text")
    assert caught.value.retryable


def test_a_program_without_input_reads_nothing() -> None:
    assert run(["cat"], stdout="text") == ""


def test_the_path_of_the_upload_is_an_argument(folder: Path) -> None:
    assert run(["cat", "{upload}"], local(folder, b"abc"), stdout="text") == "abc"


def test_an_upload_has_the_name_that_the_program_expects(folder: Path) -> None:
    text = run(
        [*SHELL, "echo {upload}; cat {upload}"],
        local(folder, b"abc"),
        stdout="text",
        upload_as="in.docx",
    )
    assert text == f"{folder}/in.docx\nabc"


def together(folder: Path, **files: bytes) -> UploadFile:
    """Return files as the listener stores them: in one archive."""
    records = ZipRecords()
    data = b""
    for name, content in files.items():
        data += records.begin(f"{name}.txt") + content
        data += records.end(len(content), zlib.crc32(content))
    (folder.parent / "upload").write_bytes(data + records.directory())
    return UploadFile(folder.parent / "upload", "a.txt and 1 more.zip")


def test_each_of_several_uploads_is_an_argument(folder: Path) -> None:
    argv = ["sh", "-c", 'for f; do basename "$f"; cat "$f"; done', "sh", "{uploads}", "{upload}"]
    upload = together(folder, a=b"one\n", b=b"two\n")
    printed = run(argv[:-1], upload, stdout="text")
    assert printed == "a.txt\none\nb.txt\ntwo\n"
    assert run(["cat", "{uploads}"], local(folder, b"abc"), stdout="text") == "abc"


def test_several_uploads_are_not_stored_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))  # as in a job process
    upload = together(folder, a=b"one", b=b"two")
    argv = ["sh", "-c", 'cat "$@" > out.txt', "sh", "{uploads}"]
    found = run(argv, upload, files=["**/*.txt"])
    assert found == {"exit_code": 0, "files": ["out.txt"]}


def test_several_uploads_can_be_optional(folder: Path) -> None:
    argv = ["echo", {"if": "upload", "then": ["{uploads}"], "else": ["none"]}]
    assert run(argv, None, stdout="text", takes="optional") == "none\n"
    upload = together(folder, a=b"", b=b"")
    assert len(run(argv, upload, stdout="text", takes="optional").split()) == 2
    argv[1] = {"if": "uploads", "then": ["{uploads}", "{upload}"]}
    assert len(run(argv, upload, stdout="text", takes="optional").split()) == 3


def test_an_upload_can_be_optional(folder: Path) -> None:
    argv = ["echo", {"if": "upload", "then": ["got", "{upload}"], "else": ["nothing"]}]
    assert run(argv, upload=None, stdout="text", takes="optional") == "nothing\n"
    printed = run(argv, local(folder, b"abc"), stdout="text", takes="optional")
    assert printed == f"got {folder.parent}/upload\n"
    assert run(["cat"], None, stdin="upload", stdout="text", takes="optional") == ""


def test_standard_output_can_be_the_result_as_json() -> None:
    assert run(["echo", '{{"a": [1, 2.5]}}'], stdout="json") == {"a": [1, 2.5]}


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1] 2", "[" * 100_000])
def test_standard_output_that_is_no_json_fails_the_job(text: str) -> None:
    with pytest.raises(NotRetryable, match="the standard output of printf is not JSON"):
        run(["printf", "%s", text.replace("{", "{{")], stdout="json")


def test_standard_output_that_is_no_utf_8_is_repaired() -> None:
    assert run(["printf", "a\\377b"], stdout="text") == "a\N{REPLACEMENT CHARACTER}b"


def test_standard_output_beyond_the_limit_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_OUTPUT_BYTES", 1000)
    assert len(run(["head", "-c", "1000", "/dev/zero"], stdout="text")) == 1000
    with pytest.raises(NotRetryable, match="wrote more than 1000 bytes to its standard output"):
        run(["head", "-c", "100000", "/dev/zero"], stdout="text")


def test_output_goes_to_the_output_of_the_job(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*SHELL, "echo out; echo err >&2"]) == {"exit_code": 0}
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("out\n", "err\n")


def test_all_of_a_long_standard_error_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    run([*SHELL, "yes | head -n 100000 >&2"])
    assert capfd.readouterr().err == "y\n" * 100_000


def test_an_exit_code_fails_the_job_with_the_last_line_of_standard_error() -> None:
    text = "echo first >&2; printf 'no such codec\\n\\n' >&2; exit 3"
    with pytest.raises(JobError, match=r"^sh exited with code 3: no such codec$") as caught:
        run([*SHELL, text])
    assert caught.value.retryable
    assert type(caught.value).__name__ == "CommandFailed"


def test_exit_codes_decide_the_outcome() -> None:
    codes = {"1": "succeeded", "2": "retry", "other": "failed"}
    assert run([*SHELL, "exit 1"], exit_codes=codes) == {"exit_code": 1}
    for code, retryable in ((2, True), (3, False)):
        with pytest.raises(JobError) as caught:
            run([*SHELL, f"exit {code}"], exit_codes=codes)
        assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("TERM", "sh was killed by SIGTERM"),
        ("XCPU", "sh used more CPU time than it may"),
        ("XFSZ", "sh wrote a file beyond JOB_FOLDER_BYTES"),
    ],
)
def test_a_program_that_a_signal_kills_fails_the_job(number: str, message: str) -> None:
    with pytest.raises(JobError, match=message):
        run([*SHELL, f"kill -{number} $$"])


def test_the_job_process_shares_the_fate_of_a_program_that_was_killed() -> None:
    """Its keeper can find out only then if memory had run out."""
    child = os.fork()
    if child == 0:
        try:
            run([*SHELL, "kill -KILL $$"])
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_a_program_dies_with_its_job_process(folder: Path) -> None:
    """As when a worker is killed: its keepers and job processes die with it."""
    child = os.fork()
    if child == 0:
        try:
            run([*SHELL, "echo $$ > started; mv started pid; exec sleep 60"])
        finally:
            os._exit(1)
    try:
        wait_for((folder / "pid").exists)
        program = psutil.Process(int((folder / "pid").read_text()))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    wait_for(lambda: not alive(program))


def test_a_process_that_the_program_leaves_does_not_hold_the_job_up() -> None:
    text = "echo done; sleep 60 & echo $! >&2; echo $! > child"
    assert run([*SHELL, text], stdout="text") == "done\n"
    os.kill(int(Path("child").read_text()), signal.SIGKILL)


def test_a_program_that_is_missing_is_named_when_the_worker_loads_it() -> None:
    with pytest.raises(JobError, match="this worker has no program 'no-such-program'"):
        run(["no-such-program"])
    with pytest.raises(JobError, match="this worker has no program 'sh'"):
        run(["sh"], env={"PATH": "/none"})


def test_only_the_job_knows_a_path_that_has_a_parameter() -> None:
    parameters = {"folder_of_tools": {"type": "text", "choices": ["/bin", "/none"]}}
    definition: dict[str, Any] = {"env": {"PATH": "{folder_of_tools}"}, "parameters": parameters}
    found = run(["true"], payload={"folder_of_tools": "/bin"}, **definition)
    assert found == {"exit_code": 0}
    with pytest.raises(NotRetryable, match="cannot run 'true': No such file"):
        run(["true"], payload={"folder_of_tools": "/none"}, **definition)


def test_a_program_that_cannot_be_started_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.Command, "load", lambda self: None)
    for name, text, mode, reason in (
        ("missing", None, 0, "No such file or directory; install it where the worker runs"),
        ("closed", "#!/bin/sh", 0o644, "Permission denied; make it executable"),
        ("plain", "echo", 0o755, "Exec format error; a script needs a first line"),
    ):
        script = tmp_path / name
        if text is not None:
            script.write_text(text)
            script.chmod(mode)
        with pytest.raises(NotRetryable, match=f"cannot run '{script}': {reason}") as caught:
            run([str(script)])
        assert caught.value.__context__ is None  # clients would see it as a traceback


def test_arguments_that_are_too_long_are_named() -> None:
    parameters = {f"x{n}": {"type": "text", "max_length": 10_000} for n in range(40)}
    payload = dict.fromkeys(parameters, "é" * 10_000)
    argument = "".join(f"{{{name}}}" for name in parameters)
    with pytest.raises(NotRetryable, match="longer than the system allows"):
        run(["echo", f"={argument}"], payload=payload, parameters=parameters)


def test_a_program_gets_no_descriptor_of_the_job_process() -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        listed = run(
            [sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"], stdout="text"
        )
    finally:
        os.close(read)
        os.close(write)
    assert sorted(int(each) for each in eval(listed)) == [0, 1, 2, 3]  # 3 is the listing itself


def stored(folder: Path) -> dict[str, str]:
    """The files that the service would store, with their text."""
    found = folder / FILES_FOLDER
    return {str(each.relative_to(found)): each.read_text() for each in found.rglob("*.*")}


def test_files_that_match_a_pattern_are_stored(folder: Path) -> None:
    names = "a.png b.png c.txt out/d.png out/deep/e.png"
    text = f"mkdir -p out/deep; for f in {names}; do echo $f > $f; done"
    assert run([*SHELL, text], files=["*.png", "out/**/*.png"]) == {
        "exit_code": 0,
        "files": ["a.png", "b.png", "out/d.png", "out/deep/e.png"],
    }
    assert stored(folder)["out/deep/e.png"] == "out/deep/e.png\n"
    assert not (folder / "a.png").exists()
    assert (folder / "c.txt").exists()


def test_a_pattern_has_values_which_are_no_patterns(folder: Path) -> None:
    parameters = {"name": {"type": "text"}}
    text = "echo a > 'n[*].md'; echo b > 'n*.md'; echo c > n1.md"
    found = run(
        [*SHELL, text], payload={"name": "n[*]"}, files=["{name}.md"], parameters=parameters
    )
    assert found["files"] == ["n[*].md"]


def test_a_file_that_the_program_has_not_made_fails_the_job(folder: Path) -> None:
    with pytest.raises(NotRetryable, match=r"the program has made no file 'a\.png'"):
        run(["true"], files=["a.png"])
    assert run(["true"], files=["*.png"]) == {"exit_code": 0, "files": []}


@pytest.mark.parametrize("name", ["../upload", "a/../../upload", "/etc/passwd", "..", "a//b"])
def test_no_value_leads_out_of_the_folder_of_the_job(folder: Path, name: str) -> None:
    local(folder, b"abc")
    parameters = {"name": {"type": "text"}}
    for definition in ({"files": ["{name}"]}, {"stdout": {"file": "{name}"}}):
        with pytest.raises(NotRetryable, match="is no"):
            run(["true"], payload={"name": name}, parameters=parameters, **definition)


def test_a_link_is_moved_as_a_link_and_not_followed(folder: Path) -> None:
    run([*SHELL, "ln -s /etc/passwd a.png; mkdir b.png; ln -s / c.png"], files=["*.png"])
    found = folder / FILES_FOLDER
    assert sorted(each.name for each in found.iterdir()) == ["a.png", "c.png"]
    assert all(each.is_symlink() for each in found.iterdir())


def test_an_upload_is_not_stored_again(folder: Path) -> None:
    argv = [*SHELL, "cat {upload} > out.txt"]
    found = run(argv, local(folder, b"abc"), upload_as="in.txt", files=["*.txt"])
    assert found["files"] == ["out.txt"]


def test_standard_output_can_be_a_file(folder: Path) -> None:
    found = run(
        ["echo", "hello"],
        stdout={"file": "{kind}/out.txt"},
        payload={"kind": "a"},
        parameters={"kind": {"type": "text"}},
    )
    assert found == {"exit_code": 0, "files": ["a/out.txt"]}
    assert stored(folder) == {"a/out.txt": "hello\n"}


def test_a_program_can_write_to_the_folder_of_stored_files(folder: Path) -> None:
    found = run([*SHELL, "echo a > {files}/a.txt; echo b > b.txt"], files=["*.txt"])
    assert found["files"] == ["a.txt", "b.txt"]


def test_a_command_without_files_makes_no_folder(folder: Path) -> None:
    assert run(["true"]) == {"exit_code": 0}
    assert not (folder / FILES_FOLDER).exists()
