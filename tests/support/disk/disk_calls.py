"""Records system calls that make files and folders durable, in order."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = tuple[str, Path]
"""The call (mkdir, fsync, link or rename), and the path that it creates or syncs."""


def record_disk_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Return a list that grows with each call that Python makes in this process. (Calls of SQLite
    are not recorded.)"""
    calls: list[Call] = []

    def recorded(name: str, path_of: Callable[..., Path]) -> None:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append((name, path_of(*args)))
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    recorded("mkdir", lambda path, *_: Path(path))
    recorded("fsync", lambda descriptor: Path(f"/proc/self/fd/{descriptor}").readlink())
    recorded("link", lambda _, target: Path(target))
    recorded("rename", lambda _, target: Path(target))
    return calls
