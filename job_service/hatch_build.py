"""Adds to the wheel what pyproject.toml cannot name: the required packages, and the kernel."""

import re
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

WHEELS = "loganalysis/native/wheels"


class Requirements(MetadataHookInterface):
    """Reads what the service needs from requirements.txt, and for traces from its neighbour.

    Our own kernel is none of it: the wheel brings it.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling, with the table `project`."""
        metadata["dependencies"] = self._pins("requirements.txt")
        metadata["optional-dependencies"] = {"tracing": self._pins("requirements-tracing.txt")}

    def _pins(self, file: str) -> list[str]:
        lines = Path(self.root, file).read_text().splitlines()
        pins = [re.sub(r"\s*#.*", "", line) for line in lines if re.match(r"\w", line)]
        return [pin for pin in pins if not pin.startswith("job-service-scan==")]


class Kernel(BuildHookInterface[Any]):
    """Unpacks the kernel's libraries for all processors: hatchling knows one wheel for all."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build."""
        folder = Path(self.root, ".cache/wheel")
        for wheel in Path(self.root, WHEELS).glob("*manylinux*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                (name,) = (each for each in packed.namelist() if each.endswith(".library"))
                library = Path(packed.extract(name, folder))
            place = f"job_service/packages/loganalysis/native/{library.name}"
            build_data["force_include"][str(library)] = place
