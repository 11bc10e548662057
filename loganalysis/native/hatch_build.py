"""Puts the kernel for each system and processor into the distribution of this package."""

import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleKernel(BuildHookInterface[Any]):
    """Takes the libraries out of the wheels that `build.py` writes."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build."""
        self._folder, platforms = tempfile.TemporaryDirectory(), []
        for wheel in sorted(Path(self.root, "native", "wheels").glob("*.whl")):
            platforms.append(wheel.stem.rpartition("-")[2])
            with ZipFile(wheel) as packed:
                (name,) = (each for each in packed.namelist() if each.endswith(".library"))
                library = Path(packed.extract(name, self._folder.name))
            build_data["force_include"][str(library)] = f"native/{library.name}"
        build_data |= {"pure_python": False, "tag": f"py3-none-{'.'.join(platforms)}"}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called by hatchling after a build."""
        self._folder.cleanup()
