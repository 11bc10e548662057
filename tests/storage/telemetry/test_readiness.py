"""The notice that a program is ready, as systemd reads it."""

import os
import socket
from pathlib import Path

import pytest

from storage.telemetry.readiness import VARIABLE, notify_ready


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_a_program_tells_once_that_it_is_ready(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind("" if kind == "abstract" else str(tmp_path / "notify"))
        name = notices.getsockname()
        monkeypatch.setenv(VARIABLE, "@" + name[1:].decode() if kind == "abstract" else name)
        notify_ready("3 slots")
        assert notices.recv(100) == b"READY=1\nSTATUS=3 slots"
        assert VARIABLE not in os.environ  # jobs and other children get no address
        notify_ready("again")
        notices.setblocking(False)
        with pytest.raises(BlockingIOError):
            notices.recv(100)


@pytest.mark.parametrize("address", ["", "/nothing/there", "@nobody-listens-here"])
def test_nobody_has_to_listen(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, address)
    notify_ready("3 slots")
