"""Guards between a job and the rest: what it sees, what it leaves, what it may take."""

from tests.mutants.mutant import Mutant

SEEN = ("tests/runner/pool/test_isolation.py",)
FOLDERS = ("tests/runner/pool/test_work_folders.py",)
EXCESS = ("tests/runner/pool/test_limits_exceeded.py",)
REQUIREMENTS = ("tests/test_requirements.py",)

ACCESS = ("tests/end_to_end/test_job_access.py",)
PRIVATE = ("tests/end_to_end/test_private_files.py",)

ISOLATION = (
    Mutant(
        "new files are private whatever the umask",
        "storage/files/private.py",
        "    os.umask(_OTHERS)\n",
        "    os.umask(0)\n",
        PRIVATE,
    ),
    Mutant(
        "files of an earlier release become private",
        "storage/open.py",
        "        tighten(settings.data_dir, database.file, settings.uploads_folder)\n",
        "",
        PRIVATE,
    ),
    Mutant(
        "a folder with other folders keeps its mode",
        "storage/files/private.py",
        "    is_shared = any(",
        "    is_shared = False and any(",
        PRIVATE,
    ),
    Mutant(
        "a link in DATA_DIR is not followed",
        "storage/files/private.py",
        "os.O_PATH | os.O_NOFOLLOW",
        "os.O_PATH",
        PRIVATE,
    ),
    Mutant(
        "jobs get only the listed variables",
        "runner/pool/fork_server.py",
        "        if not is_allowed(name, extra):\n",
        "        if False:\n",
        SEEN,
    ),
    Mutant(
        "the fork server is started without the worker's variables",
        "runner/pool/fork_server.py",
        "            with server_end, reduced(self._env):\n",
        "            with server_end:\n",
        SEEN,
    ),
    Mutant(
        "Landlock confines a job",
        "runner/pool/job_process/loop.py",
        "    landlock.restrict_self(allowed.readable, allowed.writable)\n",
        "",
        SEEN,
    ),
    Mutant(
        "a confined job may still move files",
        "runner/pool/linux/landlock.py",
        "            _allow(ruleset, path, handled & ~(_MAKE_CHAR | _MAKE_BLOCK))\n",
        "            _allow(ruleset, path, handled & ~(_MAKE_CHAR | _MAKE_BLOCK | _REFER))\n",
        SEEN,
    ),
    Mutant(
        "a job reads no file that it was not given",
        "runner/pool/job_process/loop.py",
        "    landlock.restrict_self(allowed.readable, allowed.writable)\n",
        "    landlock.restrict_self(None, allowed.writable)\n",
        ACCESS,
    ),
    Mutant(
        "a job cannot change its file",
        "runner/pool/job_process/loop.py",
        'writable=(*self.writable, f"{place}/{WORK}")',
        "writable=(*self.writable, place)",
        ACCESS,
    ),
    Mutant(
        "a job reads neither the store nor secrets that are next to code",
        "runner/pool/linux/landlock.py",
        "    if any(_contains(each, real) for each in protected):\n        return\n",
        "    if any(_contains(each, real) for each in protected):\n        yield path\n",
        ("tests/runner/pool/test_job_access.py",),
    ),
    Mutant(
        "/tmp is not writable if the store is below it",
        "runner/pool/linux/landlock.py",
        "if list(without(path, protected)) == [path])",
        "if path)",
        ACCESS,
    ),
    Mutant(
        "jobs without a network reach nothing",
        "runner/pool/job_process/loop.py",
        "        seccomp.block_network()\n",
        "        pass\n",
        ACCESS,
    ),
    Mutant(
        "jobs without a network cannot use io_uring",
        "runner/pool/linux/seccomp.py",
        "        instruction(IF_EQUAL, _IO_URING_SETUP, 3, 0),\n",
        "        instruction(IF_EQUAL, _IO_URING_SETUP, 0, 0),\n",
        ("tests/runner/pool/test_job_access.py",),
    ),
    Mutant(
        "a job process that changes the folder around its own is replaced",
        "runner/pool/keeper/keeper.py",
        "        if not discarded.can_go_on and self._process:\n",
        "        if False:\n",
        ACCESS,
    ),
    Mutant(
        "jobs have a lower priority",
        "runner/pool/job_process/loop.py",
        "        os.nice(limits.job.nice)\n",
        "",
        SEEN,
    ),
    Mutant(
        "a folder is deleted with its attempt",
        "runner/pool/linux/work_folders.py",
        "        new_name = _move_to_trash(discarded, self._runner_folder, self._trash)\n",
        "        new_name = None\n",
        SEEN,
    ),
    Mutant(
        "the folder of a killed keeper is deleted",
        "runner/pool/pool.py",
        "            self._runner_folder.discard_job_folders()\n",
        "",
        SEEN,
    ),
    Mutant(
        "a changed folder is not used again",
        "runner/pool/linux/work_folders.py",
        "if is_around_unchanged and state == unused[0]:",
        "if is_around_unchanged:",
        FOLDERS,
    ),
    Mutant(
        "a folder that became a link is not followed",
        "runner/pool/linux/removal.py",
        "_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC",
        "_FOLDER = os.O_DIRECTORY | os.O_CLOEXEC",
        FOLDERS,
    ),
    Mutant(
        "folders of a living runner are not swept",
        "runner/pool/linux/work_folders.py",
        "if name != own and _is_unlocked(name, all_runners):",
        "if name != own:",
        FOLDERS,
    ),
    Mutant(
        "too many processes end a job",
        "runner/pool/keeper/watch.py",
        "processes.count_descendants(os.getpid(), most) > most:",
        "processes.count_descendants(os.getpid(), most) > most * 1000:",
        EXCESS,
    ),
    Mutant(
        "too large a folder ends a job",
        "runner/pool/keeper/watch.py",
        "elif (most := limits.folder_bytes) and self._used_bytes(most) > most:",
        "elif False:",
        EXCESS,
    ),
    Mutant(
        "the size of a job's files is limited",
        "runner/pool/job_process/loop.py",
        "            resource.RLIMIT_FSIZE: limits.file_bytes,\n",
        "",
        EXCESS,
    ),
    Mutant(
        "installed packages have the hashes of the lock file",
        "Dockerfile",
        "--require-hashes ",
        "",
        REQUIREMENTS,
    ),
)
