"""What a build of the wheel adds to pyproject.toml: the packages that it needs, and the kernel."""

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
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in Path(self.root, WHEELS).glob("*manylinux*.whl"):
            machine = re.findall(r"(x86_64|aarch64)\.whl$", wheel.name)[0]
            library = folder / f"scan-linux-{machine}.library"
            with zipfile.ZipFile(wheel) as content:
                library.write_bytes(content.read("job_service_scan/scan.library"))
            place = f"job_service/packages/loganalysis/native/{library.name}"
            build_data["force_include"][str(library)] = place
