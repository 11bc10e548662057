"""Job types that try to get at files, processes and networks which are not theirs."""

import contextlib
import ctypes
import errno
import importlib
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, JobType, Payload

_PTRACE_ATTACH = 16


class TryPayload(Payload):
    """`do` is the name of a function below, and `on` is its argument."""

    do: str
    on: str = ""


class Try(JobType[TryPayload]):
    """Calls that function; returns what it returns, or the name of its errno."""

    name = "try"
    Payload = TryPayload
    upload = "none"

    def run(self, payload: TryPayload, context: Context) -> Any:
        return attempt(payload.do, payload.on)


class TryWithFile(JobType[TryPayload]):
    """The same with an uploaded file, whose path replaces an empty `on`."""

    name = "try_with_file"
    Payload = TryPayload
    upload = "required"

    def run(self, payload: TryPayload, context: Context) -> Any:
        assert context.upload is not None
        return attempt(payload.do, payload.on or str(context.upload.path))


def attempt(do: str, on: str) -> Any:
    function: Callable[[str], Any] = globals()[do]
    try:
        return function(on)
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def read(path: str) -> str:
    return Path(path).read_bytes().decode("latin-1")


def read_by_descriptor(path: str) -> str:
    """Open the file without a right, and again for reading by the descriptor."""
    descriptor = os.open(path, os.O_PATH)
    return Path(f"/proc/self/fd/{descriptor}").read_text()


def read_by_link(path: str) -> str:
    os.link(path, "link")
    return Path("link").read_text()


def read_by_symlink(path: str) -> str:
    os.symlink(path, "symlink")
    return Path("symlink").read_text()


def read_by_program(path: str) -> str:
    ended = subprocess.run(["cat", path], capture_output=True, text=True)
    return ended.stdout or ended.stderr


def move_here(path: str) -> str:
    os.rename(path, "moved")
    return Path("moved").read_text()


def read_link(path: str) -> str:
    return os.readlink(path)


def list_folder(path: str) -> list[str]:
    return os.listdir(path)


def write(path: str) -> int:
    return Path(path).write_text("x")


def append(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b"x")


def truncate(path: str) -> None:
    os.truncate(path, 0)


def change_mode(path: str) -> None:
    os.chmod(path, 0)


def change_mode_by_descriptor(path: str) -> None:
    os.chmod(f"/proc/self/fd/{os.open(path, os.O_PATH)}", 0)


def change_owner(path: str) -> None:
    os.chown(path, os.geteuid(), os.getegid())


def change_attribute(path: str) -> None:
    os.setxattr(path, "user.job", b"x")


def change_attribute_of_link(path: str) -> None:
    os.setxattr(path, "system.posix_acl_access", b"\2\0\0\0", follow_symlinks=False)


def leave_memory(size: str) -> bool:
    """Leave a file in /dev/shm; return whether another job has left one."""
    was_there = os.path.exists("/dev/shm/left")
    with open("/dev/shm/left", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, int(size))
    return was_there


def leave_segment(key: str) -> bool:
    """Leave a shared memory segment of System V; return whether the kernel has made it."""
    return bool(ctypes.CDLL(None).shmget(int(key), 4096, 0o1600) >= 0)


def wake_up(folder: str) -> list[str]:
    """Send to all sockets in a folder that /proc names, and to all that can be listed."""
    bound = Path("/proc/net/unix").read_text().split()
    names = {os.path.basename(each) for each in bound if "/proc/self/fd/" in each}
    sent = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                sender.sendto(b"w", f"{folder}/{name}")
                sent.append(name)
    return sent


def use_modes(_: str) -> list[str]:
    """Set modes in all ways that ordinary programs use; return them."""
    for name in ("path", "descriptor", "copy", "relative"):
        Path(name).touch()
    os.mkdir("folder")
    os.chmod(os.path.abspath("path"), 0o751)
    with open("descriptor") as file:
        os.chmod(file.fileno(), 0o640)
    shutil.copy("descriptor", "copy")
    folder = os.open("folder", os.O_RDONLY)
    os.chmod("../folder", 0o711, dir_fd=folder)
    os.chmod("../relative", 0o600, dir_fd=folder)
    Path("script").write_text("#!/bin/sh\n")
    subprocess.run(
        "tar c script | tar x -C folder; chmod 700 folder/script", shell=True, check=True
    )
    names = ("path", "descriptor", "copy", "folder", "relative", "folder/script")
    return [oct(os.stat(name).st_mode & 0o777) for name in names]


def remove(path: str) -> None:
    os.unlink(path)


def make_folder(path: str) -> None:
    os.mkdir(path)


def make_outside(_: str) -> str:
    """Leave a file beside the own folder, where the next job's folder will be."""
    Path("../left").write_text("x")
    return os.path.abspath("..")


def folder(_: str) -> list[Any]:
    return [os.getpid(), os.getcwd(), os.listdir(".."), os.listdir("../../f")]


def signal_process(pid: str) -> None:
    os.kill(int(pid), 0)


def stop_parent(_: str) -> None:
    os.kill(os.getppid(), signal.SIGSTOP)


def trace(pid: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    if libc.ptrace(_PTRACE_ATTACH, int(pid), None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def connect_abstract(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{name}")


def use_python(_: str) -> str:
    """Do what job types ordinarily do; returns "works"."""
    for module in ("sqlite3", "xml.etree.ElementTree", "email.mime.text", "ctypes.util"):
        importlib.import_module(module)
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory():
        file.write(b"x")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(len, ["ab"]) == [2]
    with multiprocessing.get_context("fork").Manager() as manager:
        manager.list([1])
    subprocess.run([sys.executable, "-c", "import json"], check=True)
    subprocess.run("date; echo x >/dev/null; cat /proc/self/status >out", shell=True, check=True)
    for name in ("/etc/passwd", "/etc/resolv.conf", "/proc/meminfo", "/dev/urandom"):
        with contextlib.suppress(FileNotFoundError), open(name, "rb") as file:
            assert file.read(1)
    assert os.path.expanduser("~") == os.getcwd()
    return "works"


def open_socket(kind: str) -> str:
    """Use a socket of a kind, such as "INET STREAM", for an address of this machine."""
    family, type = (
        getattr(socket, name) for name in (f"AF_{kind.split()[0]}", f"SOCK_{kind.split()[1]}")
    )
    with socket.socket(family, type) as opened:
        opened.settimeout(5)
    return "opened"


def fetch(port: str) -> str:
    with socket.create_connection(("127.0.0.1", int(port)), 5) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return client.recv(12).decode()


def fetch_by_program(port: str) -> str:
    code = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/healthz', timeout=5)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return ended.stderr.splitlines()[-1] if ended.returncode else "fetched"
