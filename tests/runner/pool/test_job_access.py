"""Which paths jobs may access, and the filter that blocks the network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.pool.linux import seccomp
from runner.pool.linux.landlock import JobAccess, without
from tests.support.paths import ROOT


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A working folder with code, a virtual environment, the store and secrets in it."""
    for path in ("types/one.py", "more/two.py", "data/jobs.db", "three.py", ".env", "secret"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


def test_a_folder_without_anything_protected_is_allowed_as_a_whole(code: Path) -> None:
    assert list(without(str(code), [])) == [str(code)]
    assert list(without(str(code), [f"{code}2", f"{code}/typ"])) != []


def test_a_folder_with_the_store_is_replaced_by_its_other_visible_entries(code: Path) -> None:
    protected = [f"{code}/data", f"{code}/secret"]
    allowed = {f"{code}/types", f"{code}/more", f"{code}/three.py"}
    assert set(without(str(code), protected)) == allowed
    assert set(without(str(code), [*protected, f"{code}/more/two.py"])) == {
        f"{code}/types",
        f"{code}/three.py",
    }


def test_a_view_hides_protected_folders_that_are_not_given(code: Path) -> None:
    protected, given = (f"{code}/data", f"{code}/data/jobs.db", f"{code}/more"), f"{code}/data/own"
    view = JobAccess(protected, read=(given,), write=(f"{code}/types",)).view()
    assert (view.hidden, view.read) == ((f"{code}/data", f"{code}/more"), (given,))
    assert {"/proc", f"{code}/types"} <= set(view.write)
    assert JobAccess(protected, read=(str(code),)).view().hidden == ()
    assert JobAccess(protected, write=(f"{code}/more",)).view().hidden == (f"{code}/data",)


def test_nothing_below_a_protected_folder_is_allowed(code: Path) -> None:
    assert list(without(f"{code}/data/x", [f"{code}/data"])) == []
    (code / "link").symlink_to("data")
    assert list(without(f"{code}/link", [f"{code}/data"])) == []


def test_python_and_the_folders_of_loaded_modules_are_readable(code: Path) -> None:
    access = JobAccess((f"{code}/data",), read=(f"{code}/types",))
    readable = access.readable()

    def is_readable(path: str) -> bool:
        real = os.path.realpath(path)
        return any(real == each or real.startswith(f"{each}/") for each in readable)

    for path in (os.__file__, pytest.__file__, str(ROOT / "runner/__init__.py"), f"{code}/types"):
        assert is_readable(path)
    for path in (
        f"{code}/data/jobs.db",
        f"{code}/three.py",
        "/etc/shadow",
        str(Path.home()),
        "/run",
    ):
        assert not is_readable(path)


def test_a_virtual_environment_that_is_a_link_is_readable(
    code: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    real = tmp_path_factory.mktemp("venv")
    (code / ".venv").symlink_to(real)
    monkeypatch.syspath_prepend(code)
    monkeypatch.setattr(sys, "prefix", f"{code}/.venv")
    assert str(real) in JobAccess(()).readable()


def test_access_to_something_protected_on_request_is_noticed(code: Path) -> None:
    protected = (f"{code}/data",)
    assert JobAccess(protected, read=("/",)).exposes_protected()
    assert JobAccess(protected, write=(f"{code}/data/work",)).exposes_protected()
    assert not JobAccess(protected, read=(f"{code}/types",)).exposes_protected()


BLOCK = """
import ctypes, sys
from runner.pool.linux import seccomp
seccomp.block_network()
libc = ctypes.CDLL(None, use_errno=True)
for call in ((41, 1, 1, 0), (41, 2, 1, 0), (41, 10, 2, 0), (41 | 1 << 30, 1, 1, 0), (425, 1, 0)):
    print(libc.syscall(*call) >= 0, ctypes.get_errno())
"""


@pytest.mark.skipif(not seccomp.is_supported(), reason="this kernel has no system call filters")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
def test_no_system_call_makes_a_socket_of_the_network() -> None:
    command = [sys.executable, "-c", BLOCK]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    denied = ["False 13"] * 4
    assert ended.stdout.splitlines() == ["True 0", *denied]


@pytest.mark.skipif(not seccomp.is_supported(), reason="this kernel has no system call filters")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="it has another instruction")
def test_a_system_call_of_another_architecture_ends_the_process() -> None:
    code = """
import ctypes, mmap
from runner.pool.linux import seccomp
seccomp.block_network()
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))  # getpid() of 32-bit programs: int 0x80
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert ended.returncode == -31  # SIGSYS
