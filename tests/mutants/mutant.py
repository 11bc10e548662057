"""Defines mutants. Imports nothing of ours."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """A guard that is switched off by a change of one text, and the tests that have to notice."""

    guard: str
    """What the guard does, in words."""
    file: str
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """What pytest is given: files, or files with the names of tests."""

    def apply(self, root: Path) -> None:
        """Change the file below `root`. Raises ValueError if the old text is not there once."""
        path = root / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.guard}: {text.count(self.old)} times in {self.file}")
        path.write_text(text.replace(self.old, self.new))
        forget_compiled(path)

    def undo(self, root: Path, source: Path) -> None:
        """Take the file from the tree that is not changed."""
        path = root / self.file
        path.write_text((source / self.file).read_text())
        forget_compiled(path)


def forget_compiled(path: Path) -> None:
    """Delete what Python has compiled: by time and size, two versions may look the same."""
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()
