"""Makes `jobservice/_sync` from `jobservice/_async`, so that both clients are one implementation.

    python client/generate_sync.py

Removes `async` and `await`, puts the names of the blocking calls in the place of the others, and
lets ruff format the result. `tests/client/test_generate_sync.py` compares the files.
"""

import re
import subprocess
import sys
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
    "AsyncSchedules": "Schedules",
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
    text = re.sub(r"\b\w+\b", lambda word: NAMES.get(word[0], word[0]), text)
    return _ruff("format", _ruff("check", HEADER + text, "--select=I", "--fix", "--quiet"))


def generated() -> dict[Path, str]:
    """Return the files of the blocking client and their generated contents."""
    files = {PACKAGE / "_sync" / "__init__.py": HEADER + INIT}
    for file in sorted((PACKAGE / "_async").glob("[!_]*.py")):
        files[PACKAGE / "_sync" / file.name] = generate(file.read_text(encoding="utf-8"))
    return files


def main() -> None:
    """Write the files."""
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")


def _ruff(command: str, text: str, *options: str) -> str:
    """Pass a source through ruff."""
    name = str(PACKAGE / "_sync" / "module.py")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", command, *options, f"--stdin-filename={name}", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
