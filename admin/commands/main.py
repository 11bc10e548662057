"""The parser of `python -m storage`, which runs one of the commands of this folder.

A command is a module with a function `add`. It sets as defaults of its parser:

    run      a function of the arguments and the settings that returns the exit code
    failed   the beginning of the message if `run` raises StoreError or SettingsError
    reads_settings   False if `run` reads the settings itself, and gets None
"""

import argparse
import sys

from admin.commands import (
    backup,
    contract,
    doctor,
    migrate,
    restore,
    support_bundle,
    transfer,
    vacuum,
    verify,
)
from storage.files.private import create_privately
from storage.records.job import StoreError
from storage.records.our_modules import shown_command
from storage.records.release import RELEASE
from storage.settings.settings import Settings, SettingsError
from storage.telemetry.logs import set_up_logs
from storage.telemetry.start_up import read_or_exit

COMMANDS = (
    *(backup, restore, verify, transfer),
    *(migrate, contract, vacuum, doctor, support_bundle),
)


def main() -> None:
    """Run the command of `sys.argv`, and exit."""
    parser = argparse.ArgumentParser(
        prog=shown_command("storage"), description="Tools for the job store."
    )
    parser.add_argument("--version", action="version", version=f"job-service {RELEASE}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    arguments = parser.parse_args()
    settings = read_or_exit(Settings) if getattr(arguments, "reads_settings", True) else None
    create_privately()
    if settings:
        set_up_logs(settings.log_level, settings.log_format, "storage")
    else:
        set_up_logs("ERROR", "text", "storage")
    try:
        sys.exit(arguments.run(arguments, settings))
    except (StoreError, SettingsError) as error:
        sys.exit(f"{arguments.failed}: {error}")
