"""The import rules: one row for each folder, and the libraries that a folder may use.

    server ─▶ storage ◀─ runner        of runner, server imports only runner.job_types
    server, runner ─▶ loganalysis      its public names; it imports none of them
    admin                              stands above all; only storage.__main__ starts it
    jobservice                         the client, in the folder client/, imports none of them, but
                                       its command has an extra: the public names of loganalysis
    job_service                        starts the programs of an installed service by their names

The imports of every module are read from its source, so imports inside functions count, too.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("admin", "job_service", "loganalysis", "server", "runner", "storage", "jobservice")
CLIENT = ROOT / "client"
"""The folder of the package jobservice, which is installed without the others."""
OURS = (*PACKAGES, "tests", "benchmarks")

# Folder: the other folders that its modules may import. Every folder may import its own modules.
MAY_IMPORT = {
    "jobservice.requests": "jobservice",
    "jobservice._async": "jobservice jobservice.requests",
    "jobservice._sync": "jobservice jobservice.requests",
    "jobservice": "jobservice._async jobservice._sync",
    "jobservice.cli.commands": "jobservice jobservice.cli jobservice.cli.output "
    "jobservice.requests",
    "jobservice.cli.output": "jobservice jobservice.cli",
    "jobservice.cli": "jobservice loganalysis jobservice.cli.commands jobservice.cli.output",
    "job_service": "",
    "storage.records": "",
    "storage.migrations": "",
    "storage.settings": "storage.records",
    "storage.telemetry": "storage.records storage.settings",
    "storage.files": "storage.records storage.settings",
    "storage.files.resumable": "storage.files storage.records",
    "storage.db.sqlite_file": "storage.records",
    "storage.db": "storage.db.sqlite_file storage.records storage.settings",
    "storage.db.schema": "storage.db storage.db.sqlite_file storage.files storage.records "
    "storage.settings",
    "storage.notify": "storage.db storage.records",
    "storage.access": "storage.db storage.records storage.settings",
    "storage.audit": "storage.db storage.records storage.settings",
    "storage.jobs": "storage.audit storage.db storage.notify storage.records",
    "storage.waiting": "storage.db storage.jobs storage.notify storage.records",
    "storage.liveness": "storage.db storage.files storage.jobs storage.records",
    "storage.claiming": "storage.db storage.jobs storage.liveness storage.notify storage.records",
    "storage.queries": "storage.audit storage.claiming storage.db storage.db.schema storage.files "
    "storage.jobs storage.liveness storage.notify storage.records storage.waiting",
    "storage.schedules": "storage.audit storage.db storage.jobs storage.notify storage.records "
    "storage.waiting",
    "storage": "storage.*",
    "loganalysis.native": "",
    "loganalysis.read": "",
    "loganalysis.archives": "loganalysis.read",
    "loganalysis.match": "loganalysis.read",
    "loganalysis.times": "loganalysis.match loganalysis.read",
    "loganalysis.fields": "loganalysis.match loganalysis.read",
    "loganalysis.count": "loganalysis.fields loganalysis.match loganalysis.read loganalysis.times",
    "loganalysis.formats": "loganalysis.fields loganalysis.read loganalysis.times",
    "loganalysis.records": "loganalysis.count loganalysis.match loganalysis.read loganalysis.times",
    "loganalysis.templates": "loganalysis.read loganalysis.count loganalysis.formats "
    "loganalysis.match "
    "loganalysis.times",
    "loganalysis.index": "loganalysis.count loganalysis.match loganalysis.read loganalysis.records "
    "loganalysis.times",
    "loganalysis.lines": "loganalysis.archives loganalysis.count loganalysis.index "
    "loganalysis.match loganalysis.read loganalysis.records loganalysis.templates "
    "loganalysis.times",
    "loganalysis.explain": "loganalysis.formats loganalysis.read loganalysis.templates "
    "loganalysis.times",
    "loganalysis.scan": "loganalysis.archives loganalysis.count loganalysis.explain "
    "loganalysis.fields loganalysis.formats loganalysis.index loganalysis.match loganalysis.read "
    "loganalysis.records loganalysis.templates loganalysis.times",
    "loganalysis.pattern_sets": "",
    "loganalysis.request": "loganalysis.explain loganalysis.fields loganalysis.match "
    "loganalysis.read loganalysis.records loganalysis.scan loganalysis.times",
    "loganalysis.report": "loganalysis.read",
    "loganalysis": "loganalysis.*",
    "runner.remote": "",
    "runner.lines": "loganalysis runner.remote",
    "runner.job_types.functions": "loganalysis runner.job_types",
    "runner.job_types": "loganalysis runner.job_types.functions runner.remote",
    "runner.job_types.commands": "loganalysis runner.job_types",
    "runner.job_types.registry": "loganalysis runner.job_types runner.job_types.commands "
    "storage.records",
    "runner.pool.linux": "",
    "runner.pool.protocol": "runner.pool.linux storage.records",
    "runner.pool.job_process": "runner.job_types.registry runner.pool.linux runner.pool.protocol "
    "storage.records",
    "runner.pool.keeper": "runner.pool.job_process runner.pool.linux runner.pool.protocol "
    "storage.records",
    "runner.pool.fork": "runner.pool.job_process runner.pool.keeper runner.pool.linux "
    "runner.pool.protocol",
    "runner.pool": "runner.pool.* storage.records",
    "runner.files": "runner.pool.linux storage.files storage.records",
    "runner.supervisor": "runner.files runner.pool runner.pool.linux runner.pool.protocol storage "
    "storage.claiming storage.db storage.files storage.jobs storage.liveness storage.notify "
    "storage.queries storage.records storage.schedules storage.telemetry storage.waiting",
    "runner": "runner.files runner.job_types.registry runner.pool runner.pool.* runner.supervisor "
    "storage storage.*",
    "server.documents.options": "storage.jobs storage.records",
    "server.http": "storage.records",
    "server.auth": "server.http storage.files storage.records storage.settings",
    "server.http.connections": "server.http",
    "server.processes": "server.http storage.records",
    "server.store": "server.http storage.access storage.audit storage.notify storage.records "
    "storage.telemetry",
    "server.documents.schemas": "server.http storage.records",
    "server.start": "runner.job_types runner.job_types.registry server.* storage storage.access "
    "storage.audit storage.jobs storage.liveness storage.queries storage.records "
    "storage.schedules storage.settings storage.telemetry",
    "server.auth.sign_in": "server.auth server.http storage.records",
    "server.jobs.quotas": "server.auth server.http server.store storage.records",
    "server.documents": "loganalysis server.documents.options server.documents.schemas server.http "
    "storage storage.jobs storage.liveness storage.queries storage.records storage.schedules "
    "storage.waiting",
    "server.settings": "server.auth server.auth.sign_in server.http storage.records "
    "storage.settings",
    "server.jobs.uploads": "server.auth server.documents server.documents.options server.http "
    "server.jobs.quotas server.store storage storage.files.resumable storage.queries "
    "storage.records",
    "server.jobs.validation": "runner.job_types runner.job_types.registry server.documents "
    "server.documents.options server.http server.processes storage.jobs storage.records "
    "storage.telemetry storage.waiting",
    "server": "server.settings server.start storage storage.files storage.records storage.settings "
    "storage.telemetry",
    "server.jobs": "server.auth server.documents server.documents.options server.http "
    "server.jobs.quotas server.jobs.uploads server.jobs.validation server.store storage "
    "storage.jobs storage.liveness storage.notify storage.queries storage.records "
    "storage.schedules storage.waiting",
    "server.api.openapi": "runner.job_types server.auth server.documents server.documents.options "
    "server.documents.schemas server.http server.jobs.validation storage.records",
    "server.events": "server.documents server.documents.options server.documents.schemas "
    "server.http server.jobs.validation server.store storage.jobs storage.notify storage.records",
    "server.http.fast_path": "server.auth server.documents server.http server.http.connections "
    "server.jobs server.settings",
    "server.handlers": "runner.job_types server.api.openapi server.auth server.documents "
    "server.http server.http.connections server.jobs storage.records",
    "server.api": "runner.job_types.registry server.api.openapi server.auth server.documents "
    "server.documents.options server.documents.schemas server.handlers server.http server.jobs "
    "server.jobs.validation server.store storage.audit storage.jobs storage.queries "
    "storage.records storage.schedules",
    "server.api.monitoring": "runner.job_types server.api.openapi server.documents "
    "server.documents.schemas server.handlers server.http server.http.connections server.jobs "
    "server.store storage.db storage.jobs storage.liveness storage.queries storage.records",
    "server.api.uploads": "server.api.openapi server.auth server.documents "
    "server.documents.schemas server.handlers server.http server.http.connections server.jobs "
    "server.jobs.uploads server.jobs.validation storage.files storage.files.resumable "
    "storage.records",
    "server.api.session": "server.api.openapi server.auth server.auth.sign_in server.documents "
    "server.documents.schemas server.handlers server.http server.jobs.quotas server.store "
    "storage.audit storage.records",
    "server.api.pattern_sets": "loganalysis server.api.openapi server.auth server.documents "
    "server.documents.schemas server.handlers server.http server.jobs.validation server.store "
    "storage.jobs storage.records",
    "server.api.jobs": "server.api.openapi server.api.uploads server.auth server.documents "
    "server.documents.options server.documents.schemas server.events server.handlers server.http "
    "server.jobs server.jobs.quotas server.jobs.validation server.store storage.files "
    "storage.jobs storage.queries storage.records",
    "server.api.files": "server.api.jobs server.api.openapi server.api.uploads server.documents "
    "server.documents.schemas server.events server.handlers server.http server.jobs.uploads "
    "server.store storage storage.files storage.jobs storage.records",
    "server.api.analyses": "loganalysis server.api.jobs server.api.openapi server.api.uploads "
    "server.auth server.documents server.documents.schemas server.handlers server.http "
    "server.jobs server.jobs.validation server.processes storage.files storage.records",
    "admin.store_checks": "storage.*",
    "admin.transfer": "storage.*",
    "admin.backup.destinations": "storage.files storage.records storage.settings",
    "admin.backup.databases": "admin.backup.destinations admin.transfer storage.*",
    "admin.backup": "admin.backup.* admin.transfer storage.*",
    "admin.doctor.findings": "admin.store_checks runner server.settings storage.*",
    "admin.doctor.checks": "admin.backup.destinations admin.doctor.findings admin.store_checks "
    "admin.transfer runner.job_types.registry runner.pool.linux server.auth.sign_in server.jobs "
    "storage storage.*",
    "admin.doctor": "admin.doctor.* admin.store_checks storage storage.*",
    "admin.support_bundle": "admin.doctor admin.doctor.checks admin.doctor.findings "
    "server.api.monitoring storage storage.*",
    "admin.commands": "admin.* storage storage.*",
    "admin": "admin.*",
    "storage.ownership": "storage.db storage.files storage.jobs storage.records storage.settings",
    "storage.__main__": "admin.commands storage.settings",
}

# Library: the modules that may import it. Python's own modules are free to all but sqlite3.
LIBRARIES = {
    "peewee": "storage.* admin.store_checks.* admin.transfer.tables",
    "playhouse": "storage.*",
    "psycopg": "storage.*",
    "pysqlite3": "storage.*",
    "sqlite3": "",  # a second SQLite in one process would undo the locks of the first
    "uuid_utils": "storage.records.ids",
    "cronsim": "storage.schedules.timing",
    "obstore": "storage.files.* admin.store_checks.bucket",
    "pythonjsonlogger": "storage.telemetry.*",
    "orjson": "runner.pool.protocol.* storage.db.*",
    "markdown_it": "server.handlers.guides",
    "tornado": "server.*",
    "multipart": "server.*",
    "prometheus_client": "server.api.monitoring.metrics",
    "opentelemetry": "storage.telemetry.*",
    "requests": "storage.telemetry.*",
    "stringzilla": "loganalysis.* server.api.uploads.*",
    "job_service_scan": "loganalysis.match.*",
    "hatchling": "job_service.hatch_build loganalysis.native.hatch_build",
    "re2": "loganalysis.*",
    "isal": "loganalysis.*",
    "backports": "loganalysis.* admin.backup.destinations.*",
    "compression": "loganalysis.* admin.backup.destinations.*",  # standard from Python 3.14 on
    "pydantic": "loganalysis.request.* runner.* server.* storage.*",
    # a TypedDict that Pydantic reads before Python 3.12; type checkers read the client's own
    "typing_extensions": "server.api.* server.documents.* server.handlers.pages "
    "jobservice._async.* jobservice._sync.*",
    "rich": "jobservice.cli.*",
    "typer": "jobservice.cli.*",
    "jwt": "server.auth.sign_in.jwt_checks",
    "cryptography": "server.auth.sign_in.sealing",
    "httpcore": "jobservice._async.* jobservice._sync.*",
    "httpx": "jobservice._async.* jobservice._sync.* jobservice.testing",
}


MOST_ENTRIES = 17
"""The most modules and folders of a folder."""
MORE_ENTRIES = {
    "jobservice": 29,
    "jobservice.cli.commands": 20,
    "storage": 24,
    "storage.db": 22,
    "storage.jobs": 19,
    "storage.records": 27,
}
"""Folders that have more. A number here may only become lower."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages, with its file."""
    folders = [CLIENT / name if name == "jobservice" else ROOT / name for name in PACKAGES]
    files = (file for folder in folders for file in folder.rglob("*.py"))
    return {name_of(file): file for file in files}


def name_of(file: Path) -> str:
    """The name under which a file is imported."""
    base = CLIENT if file.is_relative_to(CLIENT) else ROOT
    return ".".join(file.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def folder_of(module: str, known: Mapping[str, Path]) -> str:
    """The folder of a module, as a dotted name. An `__init__.py` belongs to its own folder. A
    program, which no module imports, is a folder itself if it has a row."""
    if module in MAY_IMPORT and module.endswith(".__main__"):
        return module
    file = known.get(module)
    is_folder = file is not None and file.name == "__init__.py"
    return module if is_folder else module.rpartition(".")[0]


def imports(source: str, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that a source imports; `from a import b` may mean a.b, where that is one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            names = [f"{package}.{alias.name}" for alias in node.names]
            yield from (name if name in known else package for name in names)


@cache
def imports_of_all() -> dict[str, set[str]]:
    """The imports of every module."""
    known = modules()
    return {name: set(imports(file.read_text(), known)) for name, file in known.items()}


def matches(name: str, patterns: str) -> bool:
    """Whether a name is among patterns that are separated by spaces."""
    return any(fnmatchcase(name, pattern) for pattern in patterns.split())


def violation(module: str, imported: str, known: Mapping[str, Path]) -> str | None:
    """The problem of one import, with its remedy."""
    top = imported.partition(".")[0]
    if top in OURS:
        ours, theirs = folder_of(module, known), folder_of(imported, known)
        if ours == theirs or matches(theirs, MAY_IMPORT[ours]):
            return None
        return (
            f"{module} imports {imported}: {ours} may import only {MAY_IMPORT[ours] or 'itself'}. "
            f"Move the code to a folder that may, or pass in what it needs"
        )
    if top in LIBRARIES:
        users = LIBRARIES[top]
        if matches(module, users):
            return None
        return f"{module} imports {top}, which only {users or 'nobody'} may: call one of these"
    if top in sys.stdlib_module_names:
        return None
    return f"{module} imports {top}: add it to LIBRARIES and requirements*.txt, or do without"


def violations(module: str, imported: Iterable[str]) -> list[str]:
    """The problems of a module's imports."""
    known = modules()
    folder = folder_of(module, known)
    if folder not in MAY_IMPORT:
        return [f"{folder} has no row in MAY_IMPORT: add one that says what it may import"]
    found = (violation(module, name, known) for name in imported)
    return sorted(filter(None, found))


def cycle(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """The names of one cycle, the first one again at its end; empty if there is none."""
    try:
        TopologicalSorter({key: set(others) - {key} for key, others in edges.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_module_imports_only_what_the_row_of_its_folder_allows() -> None:
    found = modules()
    assert {name.partition(".")[0] for name in found} == set(PACKAGES)
    every = imports_of_all().items()
    assert [bad for name, imported in every for bad in violations(name, imported)] == []


def test_every_row_has_a_folder() -> None:
    known = modules()
    folders = {folder_of(module, known) for module in known} | {"storage.migrations"}
    assert sorted(set(MAY_IMPORT) - folders) == []


def test_modules_and_folders_form_no_cycle() -> None:
    known = modules()
    edges = {module: imported & known.keys() for module, imported in imports_of_all().items()}
    assert cycle(edges) == []
    folders: dict[str, set[str]] = {}
    for module, others in edges.items():
        if module.startswith("jobservice"):
            continue  # its folders use the modules beside them, and the package exports both
        if module == "runner.job_types":
            continue  # it exports what job types import, of both folders
        theirs = {folder_of(other, known) for other in others}
        folders.setdefault(folder_of(module, known), set()).update(theirs)
    assert cycle(folders) == []


def test_every_folder_says_what_it_contains() -> None:
    empty = [
        str(file.relative_to(ROOT))
        for file in modules().values()
        if file.name == "__init__.py" and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert empty == [], "say in one to three sentences what the folder contains and may import"


def test_a_folder_has_few_entries() -> None:
    entries: dict[str, set[str]] = defaultdict(set)
    for module in modules():
        parts = module.split(".")
        for depth, name in enumerate(parts[1:], 1):
            entries[".".join(parts[:depth])].add(name)
    found = {folder: len(each) for folder, each in entries.items() if len(each) > MOST_ENTRIES}
    assert found == MORE_ENTRIES, "find a subject that can have a folder of its own"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("storage.records.states", "import storage.store"),
        ("storage.store", "from runner.pool import pool"),
        ("storage.store", "import tornado.ioloop"),
        ("storage.db.database", "import sqlite3"),
        ("storage.db.database", "import requests"),
        ("storage.db.database", "import numpy"),
        ("storage.records.job", "from tests.support.stores import Clock"),
        ("runner.pool.pool", "def f():\n    from storage.jobs.rows import to_job"),
        ("runner.supervisor.supervisor", "from server.documents import jobs"),
        ("runner.supervisor.supervisor", "import peewee as pw"),
        ("runner.job_types.base", "from runner.pool.pool import Pool"),
        ("server.start.app", "from runner.supervisor.supervisor import Supervisor"),
        ("server.start.app", "if True:\n    from playhouse import db_url"),
        ("server.api.jobs.jobs", "from storage.claims import Claims"),
        ("server.http.body", "from server.handlers.base import Handler"),
        ("server.utilities.text", ""),
        ("jobservice.requests.job_requests", "from server.documents import schemas"),
        ("jobservice.requests.job_requests", "import httpx"),
        ("jobservice._async.job", "from jobservice._sync.job import Job"),
        ("jobservice.cli.output.console", "from jobservice._sync.job import Job"),
    ],
)
def test_the_check_refuses(module: str, source: str) -> None:
    assert len(violations(module, set(imports(source, modules())))) == 1


def test_the_check_lets_pass_what_a_row_allows() -> None:
    source = "import os\nimport peewee as pw\nfrom storage.records import job, states\n"
    assert violations("storage.db.database", imports(source, modules())) == []


def test_a_cycle_is_found() -> None:
    assert cycle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert sorted(set(cycle({"a": ["b"], "b": ["c"], "c": ["a"]}))) == ["a", "b", "c"]
