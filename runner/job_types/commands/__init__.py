"""Job types that run a program: the commands that an operator defines in COMMANDS_FILE.

`file.py` reads the file, `definition.py` is its format, `command.py` makes a job type of each
command, and `process.py` runs its program. May import `runner.job_types` only.
"""
