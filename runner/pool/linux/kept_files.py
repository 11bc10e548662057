"""Files that an attempt has left: from its work folder to a folder that only the runner uses.

RUNNER/PID-1/w/1/stored-files ──rename──▶ RUNNER/kept/CALL      until the runner has stored them
"""

import contextlib
import os

from runner.pool.linux import removal

STORED_FILES = "stored-files"
"""The folder below an attempt's folder whose files are stored if the attempt returns. It is that of
`Context.files` in runner/job_types/base.py."""
KEPT = "kept"


def kept_name(call_id: str) -> str:
    """Return the name of the folder in `kept` that belongs to a call."""
    return call_id.replace("/", "_")


def keep_files(folder_name: str, runner_folder: int, kept: int, call_id: str) -> bool:
    """Move the files of an attempt out of the job's reach; returns whether there are any.

    `folder_name` is the attempt's folder, as seen from the folder with the descriptor
    `runner_folder`; `kept` is a descriptor, too.

    The job may have put a link in the place of any name. So its folder is opened by itself, and
    what is moved is the entry of that name, which the runner opens only if it is a folder.
    """
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        folder = removal.open_folder(folder_name, runner_folder)
        opened.callback(os.close, folder)
        removal.move(STORED_FILES, folder, kept, kept_name(call_id))
        return True
    return False
