"""Puts the kernel for each system and processor into the distribution of this package."""

import re
import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLATFORM = re.compile(r"(manylinux|macosx|win)_(?:\d+_\d+_)?(\w+)")
_SYSTEMS = {"manylinux": "linux", "macosx": "darwin", "win": "win32"}


class BundleKernel(BuildHookInterface[Any]):
    """Takes the libraries out of the wheels that `build.py` writes."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build."""
        self._folder, platforms = tempfile.TemporaryDirectory(), []
        for wheel in sorted(Path(self.root, "native", "wheels").glob("*.whl")):
            platforms.append(wheel.stem.rpartition("-")[2])
            found = _PLATFORM.match(platforms[-1])
            assert found, f"an unknown system: {platforms[-1]}"
            library = Path(self._folder.name, f"scan-{_SYSTEMS[found[1]]}-{found[2]}.library")
            with ZipFile(wheel) as packed:
                library.write_bytes(packed.read("job_service_scan/scan.library"))
            build_data["force_include"][str(library)] = f"native/{library.name}"
        build_data |= {"pure_python": False, "tag": f"py3-none-{'.'.join(platforms)}"}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called by hatchling after a build."""
        self._folder.cleanup()
