"""What is asked of the disk, in order: folders made, files and folders synced, names given."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = tuple[str, Path]
"""mkdir, fsync, link or rename, and what it makes or syncs."""


def record_disk_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """A list that grows with each call of this process, by Python (not by SQLite)."""
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
