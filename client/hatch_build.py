"""Makes the blocking client before the package is built."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GenerateSync(BuildHookInterface[Any]):
    """Runs `generate_sync.py`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build."""
        runpy.run_path(str(Path(self.root) / "generate_sync.py"), run_name="__main__")
