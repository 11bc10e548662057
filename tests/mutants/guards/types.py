"""Guards of job types in a folder, and of what they declare."""

from tests.mutants.mutant import Mutant

FOLDER = ("tests/runner/job_types/registry/test_folder.py",)
DECLARED = ("tests/server/jobs/validation/test_declared.py",)
PROBER = "runner/job_types/registry/prober.py"
LOADER = "runner/job_types/registry/loader.py"

TYPES = (
    Mutant(
        "an import that forks is refused",
        PROBER,
        "        os.register_at_fork(",
        "        (lambda **_: None)(",
        FOLDER,
    ),
    Mutant(
        "processes that an import leaves are reported",
        PROBER,
        "if _end_descendants(pid) and answer == WORKS:",
        "if _end_descendants(pid) and not answer:",
        FOLDER,
    ),
    Mutant(
        "an import has limited memory",
        PROBER,
        "    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))\n",
        "",
        FOLDER,
    ),
    Mutant(
        "after an import that does not end, others get less time",
        "runner/job_types/registry/survey.py",
        "if self._any_too_slow and time.monotonic() - self._began_at > ALL_SECONDS:",
        "if False:",
        FOLDER,
    ),
    Mutant(
        "an import that exits does not end the program",
        LOADER,
        "    except BaseException as error:  # the import runs arbitrary code; SystemExit must not",
        "    except ValueError as error:  #",
        FOLDER,
    ),
    Mutant(
        "a file whose import leaves a thread does not run",
        "runner/job_types/registry/prober.py",
        "    if thread := _endless_thread():\n",
        "    if thread := None:\n",
        FOLDER,
    ),
    Mutant(
        "a file whose import breaks a module for all does not run",
        "runner/job_types/registry/prober.py",
        "    if broken := _broken_since(before):\n",
        "    if broken := None:\n",
        FOLDER,
    ),
    Mutant(
        "a name is used once",
        LOADER,
        "            _require_free(found, cls)\n",
        "",
        FOLDER,
    ),
    Mutant(
        "the payload of a job type in a folder has a schema",
        LOADER,
        "            check_schema(cls)\n",
        "",
        FOLDER,
    ),
    Mutant(
        "a folder cannot take the name of another package",
        "runner/job_types/registry/sources.py",
        'return folder in getattr(sys.modules[name], "__path__", ())',
        "return True",
        FOLDER,
    ),
    Mutant(
        "job processes find modules beside a job type",
        "runner/job_types/registry/entry.py",
        "        extend_search_path()\n",
        "",
        ("tests/end_to_end/test_type_folder.py",),
    ),
    Mutant(
        "a submission goes before the defaults of its type",
        "server/jobs/validation/submission.py",
        "    return {**job_type.defaults.given(), **document}",
        "    return {**document, **job_type.defaults.given()}",
        DECLARED,
    ),
    Mutant(
        "only callers that may submit jobs see what does not work",
        "server/api/types.py",
        "with_broken=self.caller.may_submit",
        "with_broken=True",
        ("tests/server/api/test_types.py",),
    ),
    Mutant(
        "a job on a sample cannot read the data of the service",
        "runner/sample_run.py",
        "protected=(*access.protected, str(data_dir.absolute()))",
        "protected=access.protected",
        ("tests/runner/test_types_command.py",),
    ),
    Mutant(
        "a reload lets running jobs end",
        "server/start/reloading.py",
        '"DRAIN_SECONDS": _FOREVER',
        '"DRAIN_SECONDS": "0"',
        ("tests/end_to_end/test_reload.py",),
    ),
    Mutant(
        "defaults have bounds",
        "runner/job_types/registry/declarations.py",
        '        _check_defaults(getattr(cls, "defaults", None))\n',
        "",
        ("tests/runner/job_types/registry/test_declarations.py",),
    ),
    Mutant(
        "a check of a payload that exits does not end the listener",
        "server/jobs/validation/conflicts.py",
        "FAILS = (Exception, SystemExit)",
        "FAILS = (Exception,)",
        ("tests/server/jobs/validation/test_checks.py",),
    ),
    Mutant(
        "a file that cannot be loaded stands for the job types in its text",
        "runner/job_types/registry/broken.py",
        "        return name in self.mentions or ",
        "        return ",
        FOLDER,
    ),
)
