"""Guards of commands: no shell, no options by values, bounds, and what a program may do."""

from tests.mutants.mutant import Mutant

PARAMETERS = ("tests/runner/job_types/commands/test_parameters.py",)
COMMAND = ("tests/runner/job_types/commands/test_command.py",)
FILE = ("tests/runner/job_types/commands/test_file.py",)

COMMANDS = (
    Mutant(
        "a text cannot become an option",
        "runner/job_types/commands/parameters.py",
        "            checks.append(AfterValidator(_refuse_dash))\n",
        "",
        PARAMETERS,
    ),
    Mutant(
        "files that were uploaded together are not stored again",
        "runner/job_types/commands/command.py",
        "{self.definition.upload_as, *inputs}",
        "{self.definition.upload_as}",
        COMMAND,
    ),
    Mutant(
        "a number cannot become an option",
        "runner/job_types/commands/parameters.py",
        "        least = 0 if is_first and self.minimum is None else self.minimum\n",
        "        least = self.minimum\n",
        PARAMETERS,
    ),
    Mutant(
        "a text behind another one may begin an argument, too",
        "runner/job_types/commands/template.py",
        "            first.append(each.name)\n",
        "            return [each.name]\n",
        PARAMETERS,
    ),
    Mutant(
        "a negative minimum where an option could be must be declared",
        "runner/job_types/commands/file.py",
        "        if least is not None and least < 0 and not",
        "        if False and not",
        FILE,
    ),
    Mutant(
        "a pattern matches all of a text",
        "runner/job_types/commands/parameters.py",
        'f"^(?:{self.pattern})$"',
        "self.pattern",
        PARAMETERS,
    ),
    Mutant(
        "no text has NUL",
        "runner/job_types/commands/parameters.py",
        "        checks: list[Any] = [AfterValidator(_without_nul)]\n",
        "        checks: list[Any] = []\n",
        PARAMETERS,
    ),
    Mutant(
        "a command chooses its program, not a client",
        "runner/job_types/commands/file.py",
        "    elif Template(program).names:\n",
        "    elif False:\n",
        FILE,
    ),
    Mutant(
        "the name of an upload is no path",
        "runner/job_types/commands/file.py",
        'or "/" in name or',
        "or",
        FILE,
    ),
    Mutant(
        "captured output is bounded",
        "runner/job_types/commands/process.py",
        "            raise OutputTooLong\n",
        "            pass\n",
        (f"{COMMAND[0]}::test_standard_output_beyond_the_limit_fails_the_job",),
    ),
    Mutant(
        "input that breaks off fails the job",
        "runner/job_types/commands/command.py",
        "            problem = self._not_started(error, folder)\n",
        '            return Ended(0, b"", "")\n',
        COMMAND,
    ),
    Mutant(
        "a process that the program leaves does not hold the job up",
        "runner/job_types/commands/process.py",
        "            if self._process.poll() is not None:\n",
        "            if False:\n",
        (f"{COMMAND[0]}::test_a_process_that_the_program_leaves_does_not_hold_the_job_up",),
    ),
    Mutant(
        "a program that was killed shows its keeper whether memory ran out",
        "runner/job_types/commands/command.py",
        "            _share_fate()\n",
        "            pass\n",
        COMMAND,
    ),
    Mutant(
        "a command that is wrong keeps no other from being found",
        "runner/job_types/commands/file.py",
        "                broken.append(BrokenCommand(name, line, str(error), REMEDY))\n",
        "                raise\n",
        FILE,
    ),
    Mutant(
        "a command does not replace another job type",
        "runner/job_types/registry/loader.py",
        "    _require_free(found, cls)\n    found.add(",
        "    found.add(",
        ("tests/runner/job_types/registry/test_commands.py",),
    ),
    Mutant(
        "values of clients are no wildcards",
        "runner/job_types/commands/definition.py",
        "            Template(text).fill(values, glob.escape)\n",
        "            Template(text).fill(values)\n",
        COMMAND,
    ),
    Mutant(
        "no value leads out of the folder of the job",
        "runner/job_types/commands/made_files.py",
        '{"", ".", ".."} & set(parts)',
        "{'nothing'} & set(parts)",
        COMMAND,
    ),
    Mutant(
        "a file that the program has not made fails the job",
        "runner/job_types/commands/made_files.py",
        "        if not found and not glob.has_magic(pattern):\n",
        "        if False:\n",
        COMMAND,
    ),
    Mutant(
        "the upload of a command is not stored again",
        "runner/job_types/commands/made_files.py",
        "if each not in kept]",
        "if True]",
        COMMAND,
    ),
    Mutant(
        "a program dies with its job process",
        "runner/job_types/commands/process.py",
        "    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)\n",
        "",
        (f"{COMMAND[0]}::test_a_program_dies_with_its_job_process",),
    ),
)
