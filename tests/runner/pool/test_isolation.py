"""Isolation of jobs from the worker and from other jobs."""

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from runner.pool.fork_server import is_allowed, reduced
from runner.pool.linux import landlock, processes
from runner.pool.linux.landlock import JobAccess
from runner.pool.protocol.setup import JobLimits
from tests.support.paths import ROOT
from tests.support.pool import isolation_calls, pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for

SECRETS = {
    "DATABASE_URL": "postgresql://u:s3cret@host/db",
    "API_TOKENS": "ops:admin:s3cret",
    "CALLBACK_SECRET": "s3cret",
    "PGPASSWORD": "s3cret",
    "AWS_SECRET_ACCESS_KEY": "s3cret",
}
WANTED = {"PATH": os.environ["PATH"], "LC_TIME": "C", "TZ": "UTC", "MODEL_DIR": "/models"}


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    with (
        pytest.MonkeyPatch.context() as patch,
        open_with(patch, JobLimits(nice=5)) as opened,
    ):
        yield opened


def open_with(patch: pytest.MonkeyPatch, limits: JobLimits) -> AbstractContextManager[Owner]:
    for name, value in {**SECRETS, **WANTED}.items():
        patch.setenv(name, value)
    return open_pool(2, isolation_calls.load, env=("MODEL_DIR",), job=limits)


def test_a_job_gets_only_the_allowed_environment_variables(owner: Owner) -> None:
    seen = owner.value("environment")
    for variables in seen.values():
        assert "s3cret" not in str(variables)
        assert {name: variables.get(name) for name in WANTED} == WANTED
    for name in ("own", "child"):
        others = {n for n in seen[name] if not is_allowed(n, ("MODEL_DIR",))}
        assert others - {"COLUMNS", "LINES"} == {
            "HOME",
            "TMPDIR",
        }  # some libraries set COLUMNS and LINES


def test_the_worker_itself_keeps_its_variables(owner: Owner) -> None:
    owner.value("pid")
    assert {name: os.environ.get(name) for name in SECRETS} == SECRETS
    with reduced(()):
        assert not set(SECRETS) & set(os.environ)
    assert {name: os.environ.get(name) for name in SECRETS} == SECRETS


def test_no_process_except_the_worker_has_secrets_in_its_environment(owner: Owner) -> None:
    """A job runs as the same user, so some kernels let it read these environments."""
    (keeper,) = {pools.parent(owner.value("pid"))}
    others = list(processes.descendants_of(os.getpid()))
    assert keeper in others
    for pid in others:
        assert "s3cret" not in str(isolation_calls.initial_environment(str(pid)))


needs_landlock = pytest.mark.skipif(
    landlock.abi_version() < 6, reason="this kernel does not shut processes in"
)


@needs_landlock
def test_a_job_cannot_inspect_or_signal_other_processes(owner: Owner) -> None:
    call_id, (neighbour,) = owner.start("sleep", seconds=60)
    keeper = pools.parent(neighbour)
    seen = owner.value("try_to_access", pids=[os.getpid(), keeper, neighbour, 1])
    owner.kill(call_id)
    if os.geteuid() == 0:  # CAP_PERFMON allows reading every environment
        del seen["environ"]
    assert not any(seen.values()), seen


ITSELF = isolation_calls.ITSELF
needs_seccomp = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="the filter is for these machines"
)


@needs_seccomp
@pytest.mark.parametrize("do", ["limit", "nice", "nice_group", "schedule", "pin", "io_class"])
def test_a_job_cannot_change_other_processes(owner: Owner, do: str) -> None:
    """The kernel would let it end any process of its user so, for example by CPU time."""
    call_id, (neighbour,) = owner.start("sleep", seconds=60)
    pids = [os.getpid(), pools.parent(neighbour), neighbour]
    assert owner.value("try_to_change", how=do, pids=pids) == []
    owner.kill(call_id)


@needs_seccomp
def test_a_job_can_set_its_own_limits_and_priority(owner: Owner) -> None:
    assert owner.value("limit_itself") == [100, 50]
    for do in ("nice", "schedule", "pin", "io_class"):
        assert owner.value("try_to_change", how=do, pids=[0, ITSELF]) == [0, ITSELF]


def test_an_isolated_job_can_move_and_link_files(owner: Owner) -> None:
    assert owner.value("move_between_folders") == "moved"


@pytest.mark.heavy
@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the kernel forget folders")
def test_a_job_process_keeps_its_rights_in_proc_when_memory_is_short(tmp_path: Path) -> None:
    with open_pool(1, isolation_calls.load, access=JobAccess(())) as owner:
        call_id, _ = owner.start("reset_peak_after", gate=str(tmp_path / "gate"))
        for _ in range(3):  # the first time only marks folders as unused
            Path("/proc/sys/vm/drop_caches").write_text("2")
        (tmp_path / "gate").touch()
        assert owner.outcome(call_id).result == "true"


def test_jobs_have_a_lower_priority(owner: Owner) -> None:
    assert owner.value("priority") == os.getpriority(os.PRIO_PROCESS, 0) + 5


def test_a_job_has_only_its_own_descriptors(owner: Owner) -> None:
    descriptors = owner.value("surroundings")["descriptors"]
    kinds = sorted(target.partition(":")[0] for target in descriptors.values())
    # stdin; stdout and stderr, and the two pipes that they lead to; the channel; and the folder in
    # /proc that is being listed.
    assert kinds == sorted(
        ["/dev/null", *["pipe"] * 4, "socket", *[k for k in kinds if "/proc" in k]]
    ), descriptors


def test_each_attempt_gets_its_own_empty_folder(owner: Owner) -> None:
    seen = owner.value("folder_facts")
    folder = seen["folder"]
    assert Path(folder).parents[2] == owner.folder.path
    assert [seen["temporary"], seen["home"], *seen["variables"]] == [folder] * 4
    assert seen["mode"] == 0o700
    assert seen["entries"] == []
    call_id, (_, other) = owner.start("fill_folder", files=3, size=1, then="sleep")
    assert owner.value("folder_facts")["folder"] != other
    owner.kill(call_id)


@pytest.mark.parametrize("then", ["return", "raise", "crash", "sleep"])
def test_a_folder_is_removed_however_its_attempt_ends(owner: Owner, then: str) -> None:
    call_id, (_, folder) = owner.start("fill_folder", files=20, size=10, then=then)
    outcome = owner.kill(call_id) if then == "sleep" else owner.outcome(call_id)
    assert outcome.kind == {"return": "returned", "raise": "raised", "crash": "crashed"}.get(
        then, "killed"
    )
    assert not Path(folder).exists()
    for _ in range(2):
        seen = owner.value("folder_facts")
        assert (seen["entries"], seen["folder"] != folder) == ([], True)


def test_a_folder_without_permissions_is_removed(owner: Owner) -> None:
    folder = owner.value("chmod_and_leave")
    assert not Path(folder).exists()


def test_libraries_do_not_reuse_the_temporary_folder_of_an_earlier_job(owner: Owner) -> None:
    for _ in range(3):
        assert owner.value("use_manager") == 2


def test_the_folder_of_a_killed_keeper_is_removed() -> None:
    with open_pool(1, isolation_calls.load) as owner:
        call_id, (pid, folder) = owner.start("fill_folder", files=20, size=10, then="sleep")
        os.kill(pools.parent(pid), signal.SIGKILL)
        assert owner.outcome(call_id).kind == "lost"
        wait_for(lambda: not Path(folder).exists())
        assert owner.value("folder_facts")["entries"] == []


def test_a_job_whose_folder_cannot_be_created_is_lost_without_fault() -> None:
    with open_pool(1, isolation_calls.load_where_folders_fail) as owner:
        owner.value("fill_folder", files=1, size=1)  # the next call needs a new folder
        outcome = owner.run("folder_facts")
        assert (outcome.kind, outcome.not_at_fault) == ("lost", True)
        assert "make a folder: [Errno 28]" in (outcome.error_message or "")
        assert owner.value("folder_facts")["entries"] == []


def test_a_job_whose_folder_is_missing_fails_with_file_not_found() -> None:
    with open_pool(1, isolation_calls.load) as owner:
        owner.value("pid")
        owner.folder.path.rename(owner.folder.path.with_name("elsewhere"))
        outcome = owner.run("folder_facts")
        owner.folder.path.with_name("elsewhere").rename(owner.folder.path)
        assert (outcome.kind, outcome.error_type) == ("raised", "FileNotFoundError")


PROTECT = """
import ctypes, os
from runner.pool.linux import processes

def inspect():
    child = os.fork()
    if child == 0:
        try:
            open(f"/proc/{os.getppid()}/environ").read()
        except PermissionError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

if os.geteuid() == 0:  # root can inspect all processes
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
print(inspect())
processes.forbid_inspection()
print(inspect())
"""


def test_processes_of_the_same_user_cannot_inspect_a_protected_process() -> None:
    command = [sys.executable, "-c", PROTECT]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    assert ended.stdout.split() == ["0", "1"]
