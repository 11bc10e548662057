"""The dependency rule: server -> storage <- runner, and of runner, server knows only the job types.

Reads the imports of every module, also those inside functions. A module without a row fails.
"""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("server", "runner", "storage")
OURS = (*PACKAGES, "tests")

# The parts of the pool know each other, and nothing else of ours.
POOL = (
    "runner.pool.pool runner.pool.executor runner.pool.calls runner.pool.protocol.outcome runner.pool.protocol.setup runner.pool.protocol.lease runner.pool.keeper.keeper "
    "runner.pool.keeper.signals runner.pool.keeper.watch runner.pool.keeper.job_process runner.pool.job_process.loop runner.pool.job_process.results "
    "runner.pool.linux.limits runner.pool.protocol.messages runner.pool.keeper.oom_kills runner.pool.linux.proc runner.pool.linux.processes runner.pool.keeper.orders "
    "runner.pool.channel runner.pool.protocol.prefetch runner.pool.protocol.output runner.pool.keeper.leftovers runner.pool.job_process.clean_up runner.pool.fork.environment "
    "runner.pool.linux.landlock runner.pool.linux.removal runner.pool.linux.work_folders runner.pool.keeper.limits_exceeded runner.pool.keeper.ending "
    "runner.pool.event runner.pool.fork_server runner.pool.fork.context runner.pool.fork.server runner.pool.protocol.begun_calls"
)
TABLES = (
    "storage.records.states storage.records.job storage.db.models storage.db.statements storage.db.database storage.jobs.transitions "
    "storage.db.parameters storage.jobs.rows storage.db.counters"
)
QUERIES = "storage.records.job storage.db.models storage.db.parameters storage.db.statements storage.db.database storage.db.counters"
HTTP = (
    "server.http.problems server.http.body server.documents.jobs server.documents.submission server.upload.form server.jobs.services "
    "server.documents.filters server.store.idempotency server.documents.metrics server.documents.job_schemas server.events.stream server.events.documents "
    "server.events.stream_query server.documents.service_schemas server.documents.overview server.handlers.web_files server.auth.callers "
    "server.auth.authenticate server.documents.queues server.auth.sessions server.store.spans"
)

# Module: what it may import of ours. An exact name goes before a pattern.
MAY_IMPORT = {
    "storage": "",
    "storage.records.states": "",
    "storage.settings.settings": "storage.settings.url",
    "storage.settings.url": "storage.settings.drivers",
    "storage.settings.child": "storage.settings.settings",
    "storage.settings.drivers": "",
    "storage.telemetry.logs": "",
    "storage.db.models": "",
    "storage.migrations.*": "",
    "storage.records.queue_name": "",
    "storage.records.trace_context": "",
    "storage.settings.traces": "storage.settings.settings",
    "storage.telemetry.tracing": "storage.telemetry.spans storage.settings.traces",
    "storage.telemetry.spans": "storage.records.job storage.telemetry.logs storage.telemetry.exporter storage.settings.traces",
    "storage.telemetry.exporter": "storage.settings.traces",
    "storage.records.attempt_ends": "storage.records.job storage.records.states",
    "storage.records.ids": "",
    "storage.records.job": "storage.records.ids storage.records.queue_name storage.records.states storage.records.trace_context",
    "storage.files.folders": "",
    "storage.db.schema.sqlite_file": "storage.files.folders",
    "storage.files.write_back": "",
    "storage.files.uploads": "storage.records.job",
    "storage.files.folder": "storage.files.folders storage.records.job storage.files.uploads storage.files.write_back",
    "storage.files.bucket_access": "storage.settings.settings storage.records.job",
    "storage.files.bucket": "storage.files.bucket_access storage.settings.settings storage.records.job storage.files.uploads",
    "storage.files.disk": "",
    "storage.db.write_lock": "",
    "storage.db.timeouts": "",
    "storage.db.pipeline": "storage.db.errors",
    "storage.db.remembered": "",
    "storage.db.engines": "storage.settings.url storage.db.errors storage.records.job storage.db.remembered "
    "storage.db.pipeline storage.db.timeouts storage.db.write_lock",
    "storage.db.part_row": "",
    "storage.db.parameters": "",
    "storage.db.statements": "storage.db.parameters",
    "storage.db.counters": "storage.db.models storage.db.parameters",
    "storage.db.errors": "storage.records.job",
    "storage.db.dialect": "",
    "storage.jobs.statements": "storage.db.models storage.db.versions storage.db.parameters storage.records.states",
    "storage.db.versions": "storage.db.models storage.db.parameters",
    "storage.db.fetching": "storage.db.errors storage.db.statements",
    "storage.db.row_by_row": "storage.db.errors storage.db.statements",
    "storage.db.database": "storage.db.dialect storage.db.errors storage.db.fetching storage.records.job "
    "storage.db.optimistic storage.db.versions storage.db.row_by_row storage.db.statements storage.db.counters",
    "storage.db.schema.migrate": "storage.records.job storage.db.database storage.settings.drivers storage.db.engines storage.db.schema.sqlite_file "
    "storage.db.timeouts",
    "storage.notify.wakeup": "",
    "storage.notify.transaction": "storage.db.database storage.notify.wakeup",
    "storage.notify.postgresql": "storage.records.job storage.db.database storage.notify.wakeup",
    "storage.db.clock": "storage.db.database",
    "storage.queries.transactions": "storage.db.database",
    "storage.files.close_watch": "",
    "storage.liveness.runner_locks": "",
    "storage.liveness.liveness": "storage.files.close_watch storage.db.clock storage.db.models storage.db.database "
    "storage.liveness.runner_locks",
    "storage.jobs.open_queues": QUERIES,
    "storage.jobs.queues": f"{QUERIES} storage.db.clock storage.jobs.open_queues storage.records.queue_name storage.notify.wakeup "
    "storage.notify.transaction",
    "storage.jobs.retention": "storage.db.models storage.db.database storage.records.states",
    "storage.jobs.transitions": f"storage.jobs.statements storage.records.attempt_ends storage.records.states {QUERIES}",
    "storage.jobs.rows": f"storage.records.states storage.jobs.tails {QUERIES}",
    "storage.jobs.tails": "storage.records.job storage.db.models",
    "storage.claiming.due": f"{QUERIES} storage.claiming.due_jobs storage.db.fetching storage.jobs.open_queues storage.records.states",
    "storage.claiming.due_jobs": "",
    "storage.claiming.candidates": "storage.db.database storage.claiming.due storage.db.fetching storage.jobs.open_queues "
    "storage.liveness.liveness",
    "storage.jobs.output": QUERIES,
    "storage.jobs.callbacks": f"{QUERIES} storage.db.clock storage.jobs.rows",
    "storage.jobs.events": f"{QUERIES} storage.jobs.output storage.jobs.rows storage.records.states",
    "storage.liveness.reschedule": f"{TABLES} storage.jobs.open_queues",
    "storage.records.filters": "storage.records.states",
    "storage.queries.search": f"{TABLES} storage.records.filters storage.queries.search_statements storage.queries.id_skew",
    "storage.queries.id_skew": QUERIES,
    "storage.queries.search_statements": QUERIES,
    "storage.queries.bulk": f"{TABLES} storage.db.clock storage.records.filters storage.queries.search storage.notify.wakeup "
    "storage.notify.transaction",
    "storage.liveness.runners": f"{QUERIES} storage.db.clock storage.jobs.open_queues storage.db.part_row "
    "storage.liveness.runner_locks",
    "storage.queries.explain": f"{TABLES} storage.db.clock storage.claiming.due storage.jobs.open_queues storage.jobs.queues "
    "storage.liveness.runners",
    "storage.queries.figures": f"{QUERIES} storage.records.states storage.db.clock storage.jobs.open_queues storage.jobs.queues "
    "storage.liveness.runners",
    "storage.queries.history": "storage.db.database storage.queries.figures storage.db.models",
    "storage.queries.health": "storage.db.database storage.records.job storage.db.schema.migrate",
    "storage.jobs.idempotency": QUERIES,
    "storage.store": f"{TABLES} storage.jobs.statements storage.db.clock storage.records.filters "
    "storage.jobs.idempotency storage.records.queue_name storage.jobs.queues storage.queries.search storage.queries.id_skew storage.notify.wakeup "
    "storage.notify.transaction",
    "storage.claims": f"{TABLES} storage.jobs.output storage.claiming.claim storage.db.clock storage.claiming.job_parts "
    "storage.jobs.open_queues storage.liveness.liveness storage.claiming.candidates storage.claiming.parts storage.claiming.transaction storage.notify.wakeup",
    "storage.claiming.transaction": "storage.claiming.statements storage.claiming.claim storage.db.database storage.records.attempt_ends "
    "storage.db.optimistic storage.claiming.job_parts storage.claiming.parts storage.notify.wakeup",
    "storage.claiming.claim": "storage.claiming.statements storage.db.clock storage.db.database "
    "storage.jobs.open_queues storage.liveness.liveness storage.claiming.candidates",
    "storage.claiming.statements": "storage.jobs.statements storage.db.database storage.records.job "
    "storage.db.versions storage.jobs.rows storage.db.statements storage.records.states",
    "storage.db.optimistic": "storage.db.errors storage.db.statements",
    "storage.claiming.parts": f"{TABLES} storage.db.part_row storage.liveness.liveness",
    "storage.claiming.job_parts": f"{TABLES} storage.db.part_row storage.jobs.open_queues storage.liveness.liveness storage.claiming.parts",
    "storage.claiming.rescue": f"{TABLES} storage.db.clock storage.jobs.open_queues storage.notify.wakeup storage.notify.transaction "
    "storage.liveness.liveness storage.claiming.parts storage.records.trace_context",
    "storage.transfer.checkpoint": "storage.db.database storage.records.job",
    "storage.transfer.tables": "storage.db.database storage.db.errors storage.db.models storage.db.part_row "
    "storage.db.parameters storage.db.statements",
    "storage.transfer.endpoints": "storage storage.db.database storage.db.engines storage.files.folders storage.records.job "
    "storage.db.models storage.transfer.tables storage.liveness.runners storage.db.schema.migrate storage.notify.wakeup",
    "storage.transfer.files": "storage.db.database storage.records.job storage.db.models storage.transfer.endpoints "
    "storage.transfer.tables storage.files.folder storage.files.uploads",
    "storage.transfer.transfer": "storage.db.clock storage.db.database storage.db.models storage.transfer.checkpoint "
    "storage.transfer.endpoints storage.transfer.tables",
    "storage.__main__": "storage.settings.settings storage.settings.url storage.records.job storage.telemetry.logs "
    "storage.move_* storage.transfer.transfer storage.open storage.files.uploads",
    "storage.open": "storage.db.clock storage.settings.settings storage.records.job storage.db.engines storage.db.database "
    "storage.transfer.checkpoint storage.notify.postgresql "
    "storage.files.folders storage.db.schema.migrate storage.notify.wakeup storage.liveness.liveness storage.files.bucket "
    "storage.files.folder storage.files.uploads",
    "runner": "",
    "runner.config": "storage.settings.settings storage.records.queue_name storage.settings.traces",
    "runner.supervisor.retry": "",
    "runner.supervisor.job_request": "storage.records.job storage.records.trace_context storage.files.uploads",
    "runner.supervisor.spans": "storage.records.attempt_ends storage.records.job storage.telemetry.spans storage.records.trace_context",
    "runner.supervisor.running_jobs": "runner.pool.pool runner.pool.protocol.outcome runner.pool.protocol.prefetch runner.pool.protocol.output runner.supervisor.job_request "
    "storage.records.job storage.claiming.parts storage.files.uploads",
    "runner.supervisor.settle": "runner.pool.protocol.outcome runner.supervisor.retry runner.supervisor.running_jobs storage.records.job storage.claims "
    "storage.records.attempt_ends "
    "storage.claiming.parts",
    "runner.supervisor.split_state": "runner.pool.protocol.outcome runner.supervisor.running_jobs storage.records.job",
    "runner.supervisor.split_jobs": "runner.pool.protocol.outcome runner.supervisor.running_jobs runner.supervisor.split_state storage.claims storage.records.job",
    "runner.supervisor.part_work": "runner.supervisor.running_jobs storage.claiming.parts",
    "runner.supervisor.work": "runner.pool.protocol.outcome runner.supervisor.part_work runner.supervisor.running_jobs runner.supervisor.split_jobs "
    "storage.claiming.statements storage.claims storage.records.job storage.claiming.parts",
    "runner.supervisor.transaction_watch": "storage.db.database storage.queries.transactions",
    "runner.supervisor.background": "",
    "runner.supervisor.maintenance": "runner.supervisor.background runner.supervisor.retry runner.supervisor.transaction_watch "
    "runner.pool.linux.work_folders storage.db.clock "
    "storage.liveness.liveness storage.open storage.liveness.reschedule storage.claiming.rescue storage.jobs.retention "
    "storage.queries.history",
    "runner.supervisor.supervisor": "runner.pool.pool runner.pool.protocol.lease runner.pool.protocol.prefetch runner.pool.protocol.outcome runner.supervisor.running_jobs "
    "runner.supervisor.settle runner.supervisor.maintenance runner.supervisor.work storage.claiming.statements storage.claims storage.records.job "
    "storage.liveness.liveness storage.claiming.parts storage.notify.wakeup",
    "runner.supervisor.heartbeat": "",
    "runner.pool.job_process.entry": "runner.job_types",
    "runner.worker": "runner.* storage.*",
    "runner.__main__": "runner.config runner.supervisor.heartbeat runner.worker storage.settings.settings "
    "storage.settings.drivers storage.settings.child",
    "runner.job_types.base": "",
    "runner.remote.ranges": "",
    "runner.remote.file": "runner.analysis.input.read_ahead runner.remote.ranges",
    "runner.job_types.remote_upload": "runner.job_types.base runner.remote.file runner.remote.ranges",
    "runner.job_types": "runner.job_types.base runner.job_types.steps runner.job_types.remote_upload",
    "runner.job_types.*": "runner.job_types.* runner.analysis.*",
    "runner.analysis": "",
    "runner.analysis.*": "runner.analysis runner.analysis.*",
    **dict.fromkeys(POOL.split(), POOL),
    "server": "",
    "server.handlers": "",
    "server.http.problems": "",
    "server.auth.callers": "",
    "server.auth.tokens": "server.auth.callers",
    "server.auth.token_command": "server.auth.callers server.auth.tokens",
    "server.auth.sessions": "server.auth.callers server.auth.tokens storage.files.folders storage.records.job",
    "server.auth.authenticate": "server.auth.callers server.settings.server server.http.problems server.auth.sessions server.auth.tokens",
    "server.settings.server": "server server.settings.edge server.auth.tokens storage.settings.settings storage.records.ids",
    "server.http.strict_json": "server.http.problems",
    "server.store.changes": "storage.notify.wakeup",
    "server.documents.jobs": "server server.documents.job_schemas server.documents.cursors storage.records.states storage.records.job storage.queries.bulk "
    "storage.queries.explain storage.store",
    "server.documents.job_schemas": "storage.records.job storage.records.states",
    "server.documents.cursors": "",
    "server.openapi.operation": "server.auth.callers",
    "server.documents.service_schemas": "server.documents.job_schemas",
    "server.openapi.operations": "server.documents.job_schemas server.auth.callers server.openapi.operation server.documents.queues "
    "server.documents.service_schemas server.documents.filters server.auth.sessions server.events.stream_query",
    "server.events.stream_query": "storage.jobs.events storage.records.states",
    "server.openapi.schemas": "server.documents.submission runner.job_types.base",
    "server.openapi.document": "server.openapi.schemas server.openapi.operation server.openapi.operations server.http.problems "
    "server.documents.service_schemas server.auth.sessions runner.job_types.base",
    "server.events.documents": "server.documents.job_schemas server.events.stream server.documents.jobs storage.records.states storage.jobs.events "
    "storage.records.job storage.jobs.output",
    "server.callback_*": "",
    "server.events.callback_sender": "server.documents.callback_hosts server.events.callback_slots server.store.changes server.events.feed "
    "server.events.documents storage.jobs.callbacks storage.records.job",
    "server.events.stream": "storage.jobs.events storage.records.states",
    "server.events.feed": "server.events.stream server.events.documents storage.jobs.events storage.records.job storage.jobs.output "
    "storage.notify.wakeup",
    "server.store.batches": "",
    "server.http.body": "server.http.problems server.http.strict_json",
    "server.documents.queues": "server.documents.service_schemas server.documents.jobs storage.records.queue_name storage.jobs.queues",
    "server.documents.submission": "server.documents.callback_hosts server.http.problems server.documents.queues server.http.strict_json "
    "runner.job_types.base storage.records.job storage.records.ids storage.records.queue_name",
    "server.documents.filters": "server.documents.cursors server.documents.submission storage.records.filters storage.records.states",
    "server.upload.buffer": "",
    "server.upload.file_part": "server.upload.buffer server.http.problems storage.records.job storage.files.uploads",
    "server.upload.form": "server.upload.file_part server.http.problems server.documents.submission storage.records.job "
    "storage.files.uploads",
    "server.store.backpressure": "server.http.problems storage.files.disk",
    "server.store.queue_mark": "server.http.problems storage.records.job",
    "server.auth.proxies": "",
    "server.auth.rate_limits": "server.auth.proxies server.http.problems",
    "server.http.cors": "",
    "server.settings.edge": "storage.settings.settings storage.settings.traces",
    "server.store.spans": "storage.records.job storage.telemetry.spans",
    "server.http.client_pace": "",
    "server.http.connection": "server.http.client_pace server.http.problems server.documents.jobs",
    "server.http.acceptor": "server.http.connection server.http.client_pace",
    "server.auth.admission": "server.auth.callers server.auth.authenticate server.http.problems server.auth.rate_limits",
    "server.documents.metrics": "storage.queries.figures storage.records.job storage.jobs.queues storage.records.states storage.db.counters",
    "server.documents.overview": "server.documents.queues server.documents.service_schemas server.documents.jobs storage.queries.figures "
    "storage.liveness.runners storage.records.states",
    "server.handlers.web_files": "",
    "server.store.idempotency": "server.http.problems storage.records.job",
    "server.jobs.services": "server.auth.admission server.auth.authenticate server.settings.server server.auth.proxies server.auth.rate_limits "
    "server.store.queue_mark server.store.changes server.store.backpressure server.store.batches server.store.idempotency server.store.spans "
    "server server.openapi.document server.events.feed server.documents.submission server.events.callback_sender storage.jobs.events "
    "storage.jobs.callbacks runner.job_types.base storage storage.queries.bulk storage.queries.explain "
    "storage.queries.figures storage.records.job storage.jobs.idempotency storage.open storage.jobs.queues storage.jobs.retention "
    "storage.records.states storage.store storage.notify.wakeup",
    "server.http.access_log": "",
    "server.http.failures": "server.http.problems storage.records.job",
    "server.jobs.enqueue": "server.store.idempotency server.http.problems server.jobs.services storage.records.job storage.jobs.idempotency "
    "storage.store",
    "server.jobs.wait": f"{HTTP} server.jobs.enqueue storage.records.job",
    "server.jobs.cancel": f"{HTTP} server.http.access_log server.jobs.wait server.jobs.enqueue storage.*",
    "server.fast.calls": f"{HTTP} server.a* server.jobs.cancel server.http.strict_json server.jobs.enqueue",
    "server.fast.parser": f"{HTTP} server server.http.access_log server.f* server.http.cors",
    "server.fast.connection": "server.http.connection server.fast.parser server.http.client_pace",
    "server.http_server": f"{HTTP} server.a* server.http.connection server.fast_* server.http.client_pace",
    "server.handlers.*": f"{HTTP} server.a* server.jobs.cancel server.http.cors server.http.failures "
    "server.jobs.enqueue server.handlers.* storage.store storage.queries.transactions "
    "runner.job_types* storage.jobs.events storage.records.states storage.records.job storage.queries.bulk storage.queries.explain "
    "storage.records.filters storage.queries.history storage.telemetry.logs storage.records.queue_name storage.jobs.queues "
    "storage.queries.health storage.liveness.runners",
    "server.app": "server.http.access_log server.handlers.* server.jobs.services server.handlers.web_files",
    "server.listener": "server.http.acceptor server.settings.server server.http_server server.jobs.services server.store.spans "
    "runner.job_types* storage.records.job storage.telemetry.logs storage.open storage.telemetry.tracing",
    "server.__main__": "server.settings.server server.listener server.auth.token_command "
    "storage.settings.settings storage.settings.drivers",
}

# Library: the modules that may import it. Anything else that is not Python's own is refused.
LIBRARIES = {
    "peewee": "storage.*",
    "playhouse": "storage.*",
    "psycopg": "storage.*",
    "pysqlite3": "storage.*",
    "sqlite3": "",  # a second SQLite in one process would undo the locks of the first
    "uuid_utils": "storage.records.ids",
    "obstore": "storage.files.bucket storage.files.bucket_access",
    "pythonjsonlogger": "storage.telemetry.logs",
    "orjson": "runner.pool.protocol.messages storage.db.statements",
    "tornado": "server.*",
    "multipart": "server.*",
    "prometheus_client": "server.documents.metrics",
    "opentelemetry": "storage.telemetry.spans storage.telemetry.exporter",
    "requests": "storage.telemetry.exporter",
    "stringzilla": "runner.analysis.* server.upload.buffer",
    "job_service_scan": "runner.analysis.match.kernel",
    "re2": "runner.analysis.*",
    "isal": "runner.analysis.*",
    "backports": "runner.analysis.*",
    "compression": "runner.analysis.*",  # standard from Python 3.14 on
    "pydantic": "*",
    "typing_extensions": "server.*answers",  # a TypedDict that Pydantic reads before Python 3.12
}


def modules() -> dict[str, Path]:
    """Every module of ours, with its file."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return {name_of(file): file for file in files}


def name_of(file: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str) -> Iterator[str]:
    """The modules that a source imports; `from a import b` may mean a.b, where that is one."""
    known = modules()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            names = [f"{package}.{alias.name}" for alias in node.names]
            yield from (name if name in known else package for name in names)


def matches(name: str, patterns: str) -> bool:
    """Whether a name is among patterns that are separated by spaces."""
    return any(fnmatchcase(name, pattern) for pattern in patterns.split())


def row_of(module: str) -> str | None:
    """The key of a module's row."""
    rows = (row for row in MAY_IMPORT if row == module or fnmatchcase(module, row))
    return min(rows, key=lambda row: row != module, default=None)


def allowed(module: str, row: str, imported: str) -> bool:
    """Whether a module may import another one."""
    top = imported.partition(".")[0]
    if top in OURS:
        return matches(imported, MAY_IMPORT[row])
    if top in LIBRARIES:
        return matches(module, LIBRARIES[top])
    return top in sys.stdlib_module_names


def violations(module: str, source: str) -> list[str]:
    """What is wrong with the imports of a module."""
    row = row_of(module)
    if row is None:
        return [f"{module} has no row in MAY_IMPORT"]
    bad = sorted({name for name in imports(source) if not allowed(module, row, name)})
    return [f"{module} must not import {name}" for name in bad]


def test_every_module_imports_only_what_its_row_allows() -> None:
    found = modules()
    assert {name.partition(".")[0] for name in found} == set(PACKAGES)
    assert [bad for name, file in found.items() for bad in violations(name, file.read_text())] == []


def test_every_row_has_a_module() -> None:
    used = {row_of(module) for module in modules()}
    assert sorted(set(MAY_IMPORT) - used) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("storage.records.states", "import storage.records.job"),
        ("storage.store", "from runner import pool"),
        ("storage.store", "import tornado.ioloop"),
        ("storage.db.database", "import sqlite3"),
        ("storage.db.database", "import requests"),
        ("storage.records.job", "from tests.support.stores import Clock"),
        ("storage.records.job", "from . import states"),
        ("runner.pool.pool", "def f():\n    from storage.records.job import Job"),
        ("runner.supervisor.retry", "import storage.store"),
        ("runner.supervisor.supervisor", "from server import wire"),
        ("runner.supervisor.supervisor", "import peewee as pw"),
        ("runner.job_types.base", "from runner.job_types.sleep import Sleep"),
        ("server.app", "from runner.supervisor.supervisor import Supervisor"),
        ("server.app", "if True:\n    from playhouse import db_url"),
        ("server.handlers.jobs", "from storage.claims import Claims"),
        ("server.util", ""),
    ],
)
def test_the_check_refuses(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


def test_the_check_lets_pass_what_a_row_allows() -> None:
    source = "import os\nimport peewee as pw\nfrom storage import job, tallies\n"
    assert violations("storage.db.database", source) == []
