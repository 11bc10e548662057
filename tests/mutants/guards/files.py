"""The guards of downloads."""

from tests.mutants.mutant import Mutant

CALLS = ("tests/server/api/files/test_uploaded_file.py",)
RANGES = ("tests/server/api/files/test_ranges.py",)
NAMES = ("tests/server/api/files/test_disposition.py",)
SLOW = ("tests/server/http/test_slow_clients.py",)
CLIENT = ("tests/client/test_downloads.py",)

ARCHIVE = ("tests/server/api/files/test_archive.py",)
LEFT = ("tests/server/api/files/test_job_files.py",)
PLACES = ("tests/client/test_files.py",)

FILES = (
    Mutant(
        "a file that is cut while its archive is sent breaks it off",
        "server/api/files/archive.py",
        "        if left:",
        "        if False:",
        ARCHIVE,
    ),
    Mutant(
        "a file that is gone breaks its archive off",
        "server/api/files/archive.py",
        "        if reader is None:",
        "        if False:",
        ARCHIVE,
    ),
    Mutant(
        "archives count as downloads that need memory",
        "server/api/files/download.py",
        "with self.downloads.slow(self.caller.sharer), closing",
        "with closing",
        (f"{LEFT[0]}::test_too_many_archives_are_refused",),
    ),
    Mutant(
        "a hostile name leads to no other folder",
        "client/jobservice/file_data.py",
        'safe_name(part) for part in file.name.split("/")',
        'part for part in file.name.split("/")',
        (f"{PLACES[0]}::test_a_hostile_name_stays_in_the_folder",),
    ),
    Mutant(
        "a file that is there already is compared",
        "client/jobservice/downloads.py",
        "    return digest.hexdigest() == sha256\n",
        "    return True\n",
        (f"{PLACES[0]}::test_the_files_that_a_job_has_left_are_listed_and_downloaded",),
    ),
    Mutant(
        "a stored page runs no script",
        "server/api/files/download.py",
        "; sandbox; frame-ancestors 'none'\"",
        "; frame-ancestors 'none'\"",
        (f"{CALLS[0]}::test_a_stored_page_runs_no_script_and_is_of_no_origin",),
    ),
    Mutant(
        "a part of another file is never continued",
        "server/api/files/headers.py",
        'headers.get("If-Range", etag).strip() != etag',
        "False",
        RANGES,
    ),
    Mutant(
        "a range behind the end is refused",
        "server/api/files/headers.py",
        "    if start >= size:",
        "    if False:",
        RANGES,
    ),
    Mutant(
        "a name cannot add a header",
        "server/api/files/headers.py",
        '_CONTROL.sub("_", re.split(',
        "str(re.split(",
        NAMES,
    ),
    Mutant(
        "a cut file is gone",
        "storage/files/reading.py",
        "    if reader.size == size:",
        "    if True:",
        (f"{CALLS[0]}::test_a_deleted_or_cut_file_is_gone",),
    ),
    Mutant(
        "the end of a file that is cut meanwhile ends the download",
        "server/http/file_range.py",
        "            if not sent:",
        "            if False:",
        (f"{CALLS[0]}::test_the_connection_of_a_file_that_is_cut_meanwhile_is_closed",),
    ),
    Mutant(
        "downloads that need memory are limited",
        "server/api/files/downloads.py",
        "self._slow.taken(MAX_SLOW, sharer)",
        "self._slow.taken(10**9, sharer)",
        (f"{CALLS[0]}::test_too_many_files_elsewhere_are_not_read_at_once",),
    ),
    Mutant(
        "a client that does not read a file is disconnected",
        "server/http/connections/connection.py",
        "self.writing() or (self._file and self._file.waits_for_client)",
        "self.writing()",
        (f"{SLOW[0]}::test_a_client_that_does_not_read_a_file_is_closed",),
    ),
    Mutant(
        "a closed connection ends the sending of a file",
        "server/http/connections/connection.py",
        "        if self._file:\n            self._file.stop()",
        "        if False:\n            pass",
        (f"{SLOW[0]}::test_a_client_that_does_not_read_a_file_is_closed",),
    ),
    Mutant(
        "the client compares the digest of a download",
        "client/jobservice/downloads.py",
        "        if expected and expected[1] != self.sha256:",
        "        if False:",
        CLIENT,
    ),
    Mutant(
        "a name of the service stays in the folder",
        "client/jobservice/downloads.py",
        '_UNSAFE.sub("_", name).strip(". ")',
        "name",
        CLIENT,
    ),
    Mutant(
        "a name of the service replaces no file",
        "client/jobservice/downloads.py",
        "    if path.exists() or path.is_symlink():",
        "    if False:",
        CLIENT,
    ),
    Mutant(
        "a pipe or device is written to, not replaced",
        "client/jobservice/downloads.py",
        "        if self.path.exists() and not self.path.is_file():",
        "        if False:",
        CLIENT,
    ),
)
