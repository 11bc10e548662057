"""Guards of archives: damage, bombs, members that cannot be read, and files of one form."""

from tests.mutants.mutant import Mutant

DAMAGE = ("tests/loganalysis/archives/test_damage.py",)
RESULTS = ("tests/loganalysis/archives/test_results.py",)
TAR = ("tests/loganalysis/archives/test_tar.py",)
ZIP = ("tests/loganalysis/archives/test_zip.py",)

ARCHIVES = (
    Mutant(
        "a tar archive without its end mark was cut short",
        "loganalysis/archives/tar_archive.py",
        "if filled < BLOCK_BYTES and (filled or not was_zero):",
        "if filled < BLOCK_BYTES and filled:",
        DAMAGE,
    ),
    Mutant(
        "a tar member that is shorter than stated is noticed",
        "loganalysis/archives/tar_archive.py",
        "        if not size and buffer:",
        "        if False:",
        DAMAGE,
    ),
    Mutant(
        "a large tar header is not read into memory",
        "loganalysis/archives/tar_archive.py",
        "        if header.size > MAX_RECORDS_BYTES:",
        "        if False:",
        TAR,
    ),
    Mutant(
        "headers of tar members are counted",
        "loganalysis/archives/tar_archive.py",
        "if max(self._member_count, self._extensions // _MAX_EXTENSIONS) > self._max_members:",
        "if self._member_count > self._max_members:",
        TAR,
    ),
    Mutant(
        "the members of a zip archive are limited",
        "loganalysis/archives/zip_archive.py",
        "        if members > self._max_members:",
        "        if False:",
        DAMAGE,
    ),
    Mutant(
        "members of a zip archive share no bytes",
        "loganalysis/archives/zip_archive.py",
        "            if ends[before] > starts[after]:",
        "            if False:",
        ZIP,
    ),
    Mutant(
        "a zip directory has no more entries than it states",
        "loganalysis/archives/zip_archive.py",
        "        if left:\n",
        "        if False:\n",
        ZIP,
    ),
    Mutant(
        "a zip member has the same name in both of its headers",
        "loganalysis/archives/zip_archive.py",
        "head[zip_records.LOCAL_BYTES :][:name] != entry.raw_name or name != len(entry.raw_name)",
        "False",
        ZIP,
    ),
    Mutant(
        "a zip archive that was cut always fails",
        "loganalysis/archives/zip_archive.py",
        'raise self._error("the zip archive is cut short: it has no directory", self._size)',
        "return",
        DAMAGE,
    ),
    Mutant(
        "the checksum of a zip member is compared",
        "loganalysis/archives/zip_data.py",
        "            if self._crc != self._expected:",
        "            if False:",
        DAMAGE,
    ),
    Mutant(
        "the size of a zip member is compared",
        "loganalysis/archives/zip_data.py",
        "            if self._done < self._size:",
        "            if False:",
        ZIP,
    ),
    Mutant(
        "no bytes follow the data of a zip member",
        "loganalysis/archives/zip_data.py",
        "        if not self._is_open_ended and self._next_chunk():",
        "        if False:",
        ZIP,
    ),
    Mutant(
        "an encrypted member is not scanned",
        "loganalysis/archives/zip_archive.py",
        "        if entry.is_encrypted:",
        "        if False:",
        ZIP,
    ),
    Mutant(
        "the limits of data hold for all members together",
        "loganalysis/scan/archive_scan.py",
        "        if problem := self._limits.problem(self._expanded, done):",
        '        if problem := "":',
        DAMAGE,
    ),
    Mutant(
        "a compressed member that is cut short fails",
        "loganalysis/archives/member_text.py",
        'raise UnreadableMember("damaged", f"its {form.name} data is cut short")',
        "return",
        RESULTS,
    ),
    Mutant(
        "the list of members is bounded",
        "loganalysis/scan/members.py",
        "        if len(self.listed) < self.max_listed:",
        "        if True:",
        RESULTS,
    ),
    Mutant(
        "globs that select nothing are an error",
        "loganalysis/scan/archive_scan.py",
        "        if names and not self.members.analyzed and not self.members.failed:",
        "        if False:",
        RESULTS,
    ),
    Mutant(
        "one file and several files do not mix",
        "server/api/uploads/form.py",
        "        if self._file is not None:\n            detail",
        "        if False:\n            detail",
        ("tests/server/api/uploads/test_uploads.py",),
    ),
    Mutant(
        "the number of files of a job is limited",
        "server/api/uploads/form.py",
        "        if archive.count == _MAX_FILES:",
        "        if False:",
        ("tests/server/api/uploads/test_uploads.py",),
    ),
    Mutant(
        "the checksum of a file in an archive counts the client's bytes only",
        "server/api/uploads/file_part.py",
        "self._has_crc, self.crc = True, 0",
        "self._has_crc = True",
        ("tests/server/api/uploads/test_form.py",),
    ),
    Mutant(
        "files of one name keep apart in an archive",
        "server/api/uploads/zip_records.py",
        "    if number == 1:",
        "    if True:",
        ("tests/server/api/uploads/test_zip_records.py",),
    ),
)
