"""Job types whose payloads take long to check, or cannot be checked."""

import os
import time
from pathlib import Path
from typing import Any, NoReturn

from pydantic import field_validator

from runner.job_types.base import Context, JobType, Payload


class HeldPayload(Payload):
    """`check` says what checking it does; `folder` is where that leaves its process id."""

    check: str
    folder: str

    @field_validator("folder")
    @classmethod
    def _hold(cls, value: str, info: Any) -> str:
        folder, check = Path(value), info.data["check"]
        (folder / f"checked-by-{os.getpid()}").touch()
        if check == "held":
            while not (folder / "released").exists():
                time.sleep(0.01)
        elif check == "broken":
            raise RuntimeError("the check is broken")
        elif check == "exits":
            raise SystemExit(2)  # as argparse does
        return value


class Held(JobType[HeldPayload]):
    """Never runs: only its payload matters."""

    name = "held"
    Payload = HeldPayload
    upload = "none"

    def is_slow_to_check(self, payload: dict[str, Any]) -> bool:
        if payload.get("slow") == "exits":
            raise SystemExit(2)
        return bool(payload["slow"] if "slow" in payload else payload["check"] != "quick")

    def run(self, payload: HeldPayload, context: Context) -> NoReturn:
        raise NotImplementedError
