"""Settings of earlier releases that no program reads any more."""

import logging
import os
from collections.abc import Mapping

log = logging.getLogger(__name__)

REMOVED = {
    "PARTS_BYTES": "remove it: one worker analyzes a file, with all idle processors of its machine",
}
"""What to do about each, by its name."""


def warn_of_removed_settings(environ: Mapping[str, str] = os.environ) -> None:
    """Log a warning for each removed setting that still has a value."""
    for name, advice in REMOVED.items():
        if environ.get(name, "").strip():
            log.warning("a setting does nothing any more", extra={"setting": name, "do": advice})
