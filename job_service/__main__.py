"""The command `job-service`, which starts the programs of an installed service.

It imports nothing of them: each is run as by `python -m`, in this process.
"""

import os
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = str(Path(__file__).with_name("packages"))
"""The folder of the programs."""
HELP = """\
usage: job-service [--reload] [--version]
       job-service {server,runner,storage} ...

Without the name of a program, starts the listener and a worker: open http://localhost:5000.

  server     the listener alone, or the command `token`
  runner     a worker alone, or the command `types check`
  storage    commands for the store, such as backup, restore and doctor

`job-service server --help` explains the settings, which are environment variables. What other texts
call `python -m server`, runner or storage is `job-service server`, runner or storage here.
"""


def main() -> None:
    """Run what the command line names, and exit."""
    first, *others = sys.argv[1:] or [""]
    if first in ("-h", "--help"):
        sys.stdout.write(HELP)
    elif first and not first.startswith("-"):
        run(first, others)
    else:
        os.environ["LOG_FORMAT"] = os.environ.get("LOG_FORMAT") or "text"  # as with `make run`
        run("server", ["--with-worker", *sys.argv[1:]])


def main_storage() -> None:
    """Run the command `job-service-storage`, and exit."""
    run("storage", sys.argv[1:])


def run(module: str, arguments: list[str]) -> None:
    """Run a module of the service as `python -m` does, before all other packages of its name.

    Modules of the current folder never replace those of the service, also if it has a folder
    `storage`. Exits with a message if there is no such module. The programs of the service also
    start modules that no help lists.
    """
    if PACKAGES not in sys.path:
        sys.path.insert(0, PACKAGES)
    package = module.partition(".")[0]
    if not package or not Path(PACKAGES, package).is_dir() or find_spec(module) is None:
        sys.exit(f"job-service: there is no program {module}: use server, runner or storage")
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
