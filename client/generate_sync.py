"""Makes `jobservice/_sync` from `jobservice/_async`, so that both clients are one implementation.

    python client/generate_sync.py

Removes `async` and `await`, and puts the names of blocking calls in the place of the others. The
build of the package does this (`hatch_build.py`), and so do `make` and the tests, for the sources.
"""

import os
import re
from pathlib import Path

PACKAGE = Path(__file__).parent / "jobservice"
NAMES = {
    "AsyncAuditCalls": "AuditCalls",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncBatches": "Batches",
    "AsyncClient": "Client",
    "AsyncFailureCalls": "FailureCalls",
    "AsyncFileCalls": "FileCalls",
    "AsyncIterator": "Iterator",
    "AsyncJob": "Job",
    "AsyncPipeline": "Pipeline",
    "AsyncSchedules": "Schedules",
    "AsyncStep": "Step",
    "AsyncTransport": "Transport",
    "AsyncTypeCalls": "TypeCalls",
    "AsyncUploads": "Uploads",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "_async": "_sync",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "async_call": "call",
    "async_sleep": "sleep",
}
"""The words of the asynchronous client, and those of the other one."""
HEADER = "# Made from ../_async by client/generate_sync.py. Edit the file there, not here.\n"
INIT = (
    '''"""The blocking client, made from `jobservice._async` by `client/generate_sync.py`."""\n'''
)


def generate(source: str) -> str:
    """Turn a module of the asynchronous client into one of the blocking client."""
    text = re.sub(r"\b(async|await) (?=\S)", "", source)
    return HEADER + re.sub(r"\b\w+\b", lambda word: NAMES.get(word[0], word[0]), text)


def generated() -> dict[Path, str]:
    """Return the files of the blocking client and their generated contents."""
    files = {PACKAGE / "_sync" / "__init__.py": HEADER + INIT}
    for file in sorted((PACKAGE / "_async").glob("[!_]*.py")):
        files[PACKAGE / "_sync" / file.name] = generate(file.read_text(encoding="utf-8"))
    return files


def main() -> None:
    """Write the files that have changed, and delete others. Programs may do so at the same time."""
    files, folder = generated(), PACKAGE / "_sync"
    folder.mkdir(exist_ok=True)
    for file in set(folder.glob("*.py")) - files.keys():
        file.unlink(missing_ok=True)
    for file, text in files.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            new = file.with_name(f"{file.name}.{os.getpid()}")
            new.write_text(text, encoding="utf-8")
            new.replace(file)


if __name__ == "__main__":
    main()
