"""The dependency rule: server -> storage <- runner, and of runner, server knows only the job types.

Reads the imports of every module, also those inside functions. A module without a row fails.
"""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("server", "runner", "storage")
OURS = (*PACKAGES, "tests")

# The parts of the pool know each other, and nothing else of ours.
POOL = (
    "runner.pool runner.crew runner.calls runner.outcome runner.setup runner.lease runner.keeper "
    "runner.keeper_signals runner.watch runner.job_process runner.job_loop runner.answers "
    "runner.limits runner.messages runner.oom_kills runner.proc runner.processes runner.orders "
    "runner.link runner.pace runner.printed runner.leftovers runner.clean_up runner.environment "
    "runner.landlock runner.removal runner.work_folders runner.excess runner.ending "
    "runner.bell runner.fork_server runner.forked runner.forking runner.marks"
)
TABLES = (
    "storage.states storage.job storage.models storage.statements storage.database storage.moves "
    "storage.places storage.rows storage.tallies"
)
QUERIES = (
    "storage.job storage.models storage.places storage.statements storage.database storage.tallies"
)
HTTP = (
    "server.problems server.body server.wire server.submission server.forms server.services "
    "server.filters server.once server.metrics server.answers server.streams server.stream_wire "
    "server.stream_query server.service_answers server.overview server.web_files server.callers "
    "server.door server.queues server.sessions server.tracing"
)

# Module: what it may import of ours. An exact name goes before a pattern.
MAY_IMPORT = {
    "storage": "",
    "storage.states": "",
    "storage.config": "storage.database_url",
    "storage.database_url": "storage.drivers",
    "storage.settings_apart": "storage.config",
    "storage.drivers": "",
    "storage.logs": "",
    "storage.models": "",
    "storage.migrations.*": "",
    "storage.queue_names": "",
    "storage.trace_context": "",
    "storage.trace_settings": "storage.config",
    "storage.tracing": "storage.otlp storage.trace_settings",
    "storage.otlp": "storage.job storage.logs storage.span_sender storage.trace_settings",
    "storage.span_sender": "storage.trace_settings",
    "storage.ends": "storage.job storage.states",
    "storage.job_ids": "",
    "storage.job": "storage.job_ids storage.queue_names storage.states storage.trace_context",
    "storage.folders": "",
    "storage.making": "storage.folders",
    "storage.write_back": "",
    "storage.uploads": "storage.job",
    "storage.upload_folder": "storage.folders storage.job storage.uploads storage.write_back",
    "storage.bucket_access": "storage.config storage.job",
    "storage.upload_bucket": "storage.bucket_access storage.config storage.job storage.uploads",
    "storage.disk": "",
    "storage.write_lock": "",
    "storage.waits": "",
    "storage.unsent": "storage.failures",
    "storage.remembered": "",
    "storage.engines": "storage.database_url storage.failures storage.job storage.remembered "
    "storage.unsent storage.waits storage.write_lock",
    "storage.part_row": "",
    "storage.places": "",
    "storage.statements": "storage.places",
    "storage.tallies": "storage.models storage.places",
    "storage.failures": "storage.job",
    "storage.dialect": "",
    "storage.change_statements": "storage.models storage.numbers storage.places storage.states",
    "storage.numbers": "storage.models storage.places",
    "storage.fetching": "storage.failures storage.statements",
    "storage.row_by_row": "storage.failures storage.statements",
    "storage.database": "storage.dialect storage.failures storage.fetching storage.job "
    "storage.hopes storage.numbers storage.row_by_row storage.statements storage.tallies",
    "storage.schema": "storage.job storage.database storage.drivers storage.engines storage.making "
    "storage.waits",
    "storage.wakeup": "",
    "storage.waking": "storage.database storage.wakeup",
    "storage.notices": "storage.job storage.database storage.wakeup",
    "storage.clock": "storage.database",
    "storage.transactions": "storage.database",
    "storage.closings": "",
    "storage.runner_locks": "",
    "storage.liveness": "storage.closings storage.clock storage.models storage.database "
    "storage.runner_locks",
    "storage.lanes": QUERIES,
    "storage.queues": f"{QUERIES} storage.clock storage.lanes storage.queue_names storage.wakeup "
    "storage.waking",
    "storage.retention": "storage.models storage.database storage.states",
    "storage.moves": f"storage.change_statements storage.ends storage.states {QUERIES}",
    "storage.rows": f"storage.states storage.tails {QUERIES}",
    "storage.tails": "storage.job storage.models",
    "storage.due": f"{QUERIES} storage.aside storage.fetching storage.lanes storage.states",
    "storage.aside": "",
    "storage.lookout": "storage.database storage.due storage.fetching storage.lanes "
    "storage.liveness",
    "storage.output": QUERIES,
    "storage.callbacks": f"{QUERIES} storage.clock storage.rows",
    "storage.events": f"{QUERIES} storage.output storage.rows storage.states",
    "storage.rescheduling": f"{TABLES} storage.lanes",
    "storage.filters": "storage.states",
    "storage.search": f"{TABLES} storage.filters storage.search_statements storage.skew",
    "storage.skew": QUERIES,
    "storage.search_statements": QUERIES,
    "storage.bulk": f"{TABLES} storage.clock storage.filters storage.search storage.wakeup "
    "storage.waking",
    "storage.runners": f"{QUERIES} storage.clock storage.lanes storage.part_row "
    "storage.runner_locks",
    "storage.explaining": f"{TABLES} storage.clock storage.due storage.lanes storage.queues "
    "storage.runners",
    "storage.figures": f"{QUERIES} storage.states storage.clock storage.lanes storage.queues "
    "storage.runners",
    "storage.history": "storage.database storage.figures storage.models",
    "storage.readiness": "storage.database storage.job storage.schema",
    "storage.keys": QUERIES,
    "storage.store": f"{TABLES} storage.change_statements storage.clock storage.filters "
    "storage.keys storage.queue_names storage.queues storage.search storage.skew storage.wakeup "
    "storage.waking",
    "storage.claims": f"{TABLES} storage.output storage.claiming storage.clock storage.job_parts "
    "storage.lanes storage.liveness storage.lookout storage.parts storage.turns storage.wakeup",
    "storage.turns": "storage.claim_moves storage.claiming storage.database storage.ends "
    "storage.hopes storage.job_parts storage.parts storage.wakeup",
    "storage.claiming": "storage.claim_moves storage.clock storage.database "
    "storage.lanes storage.liveness storage.lookout",
    "storage.claim_moves": "storage.change_statements storage.database storage.job "
    "storage.numbers storage.rows storage.statements storage.states",
    "storage.hopes": "storage.failures storage.statements",
    "storage.parts": f"{TABLES} storage.part_row storage.liveness",
    "storage.job_parts": f"{TABLES} storage.part_row storage.lanes storage.liveness storage.parts",
    "storage.rescue": f"{TABLES} storage.clock storage.lanes storage.wakeup storage.waking "
    "storage.liveness storage.parts storage.trace_context",
    "storage.move_marker": "storage.database storage.job",
    "storage.move_tables": "storage.database storage.failures storage.models storage.part_row "
    "storage.places storage.statements",
    "storage.move_sides": "storage storage.database storage.engines storage.folders storage.job "
    "storage.models storage.move_tables storage.runners storage.schema storage.wakeup",
    "storage.move_files": "storage.database storage.job storage.models storage.move_sides "
    "storage.move_tables storage.upload_folder storage.uploads",
    "storage.moving": "storage.clock storage.database storage.models storage.move_marker "
    "storage.move_sides storage.move_tables",
    "storage.__main__": "storage.config storage.database_url storage.job storage.logs "
    "storage.move_* storage.moving storage.opening storage.uploads",
    "storage.opening": "storage.clock storage.config storage.job storage.engines storage.database "
    "storage.move_marker storage.notices "
    "storage.folders storage.schema storage.wakeup storage.liveness storage.upload_bucket "
    "storage.upload_folder storage.uploads",
    "runner": "",
    "runner.config": "storage.config storage.queue_names storage.trace_settings",
    "runner.retry": "",
    "runner.requests": "storage.job storage.trace_context storage.uploads",
    "runner.tracing": "storage.ends storage.job storage.otlp storage.trace_context",
    "runner.roster": "runner.pool runner.outcome runner.pace runner.printed runner.requests "
    "storage.job storage.parts storage.uploads",
    "runner.settling": "runner.outcome runner.retry runner.roster storage.job storage.claims "
    "storage.ends "
    "storage.parts",
    "runner.split": "runner.outcome runner.roster storage.job",
    "runner.split_jobs": "runner.outcome runner.roster runner.split storage.claims storage.job",
    "runner.part_work": "runner.roster storage.parts",
    "runner.work": "runner.outcome runner.part_work runner.roster runner.split_jobs "
    "storage.claim_moves storage.claims storage.job storage.parts",
    "runner.transaction_watch": "storage.database storage.transactions",
    "runner.errands": "",
    "runner.upkeep": "runner.errands runner.retry runner.transaction_watch "
    "runner.work_folders storage.clock "
    "storage.liveness storage.opening storage.rescheduling storage.rescue storage.retention "
    "storage.history",
    "runner.supervisor": "runner.pool runner.lease runner.pace runner.outcome runner.roster "
    "runner.settling runner.upkeep runner.work storage.claim_moves storage.claims storage.job "
    "storage.liveness storage.parts storage.wakeup",
    "runner.heartbeat": "",
    "runner.entry": "runner.job_types",
    "runner.worker": "runner.* storage.*",
    "runner.__main__": "runner.config runner.heartbeat runner.worker storage.config "
    "storage.drivers storage.settings_apart",
    "runner.job_types.base": "",
    "runner.remote_ranges": "",
    "runner.remote_file": "runner.analysis.ahead runner.remote_ranges",
    "runner.remote_upload": "runner.job_types.base runner.remote_file runner.remote_ranges",
    "runner.job_types": "runner.job_types.base runner.job_types.steps runner.remote_upload",
    "runner.job_types.*": "runner.job_types.* runner.analysis.*",
    "runner.analysis": "",
    "runner.analysis.*": "runner.analysis runner.analysis.*",
    **dict.fromkeys(POOL.split(), POOL),
    "server": "",
    "server.handlers": "",
    "server.problems": "",
    "server.callers": "",
    "server.tokens": "server.callers",
    "server.token_command": "server.callers server.tokens",
    "server.sessions": "server.callers server.tokens storage.folders storage.job",
    "server.door": "server.callers server.config server.problems server.sessions server.tokens",
    "server.config": "server server.edge_config server.tokens storage.config storage.job_ids",
    "server.strict_json": "server.problems",
    "server.changes": "storage.wakeup",
    "server.wire": "server server.answers server.cursors storage.states storage.job storage.bulk "
    "storage.explaining storage.store",
    "server.answers": "storage.job storage.states",
    "server.cursors": "",
    "server.operation": "server.callers",
    "server.service_answers": "server.answers",
    "server.operations": "server.answers server.callers server.operation server.queues "
    "server.service_answers server.filters server.sessions server.stream_query",
    "server.stream_query": "storage.events storage.states",
    "server.openapi_schemas": "server.submission runner.job_types.base",
    "server.openapi": "server.openapi_schemas server.operation server.operations server.problems "
    "server.service_answers server.sessions runner.job_types.base",
    "server.stream_wire": "server.answers server.streams server.wire storage.states storage.events "
    "storage.job storage.output",
    "server.callback_*": "",
    "server.callbacks": "server.callback_hosts server.callback_places server.changes server.feed "
    "server.stream_wire storage.callbacks storage.job",
    "server.streams": "storage.events storage.states",
    "server.feed": "server.streams server.stream_wire storage.events storage.job storage.output "
    "storage.wakeup",
    "server.batches": "",
    "server.body": "server.problems server.strict_json",
    "server.queues": "server.service_answers server.wire storage.queue_names storage.queues",
    "server.submission": "server.callback_hosts server.problems server.queues server.strict_json "
    "runner.job_types.base storage.job storage.job_ids storage.queue_names",
    "server.filters": "server.cursors server.submission storage.filters storage.states",
    "server.file_batch": "",
    "server.file_part": "server.file_batch server.problems storage.job storage.uploads",
    "server.forms": "server.file_part server.problems server.submission storage.job "
    "storage.uploads",
    "server.disk_mark": "server.problems storage.disk",
    "server.queue_mark": "server.problems storage.job",
    "server.addresses": "",
    "server.rates": "server.addresses server.problems",
    "server.origins": "",
    "server.edge_config": "storage.config storage.trace_settings",
    "server.tracing": "storage.job storage.otlp",
    "server.pace": "",
    "server.connections": "server.pace server.problems server.wire",
    "server.acceptor": "server.connections server.pace",
    "server.admission": "server.callers server.door server.problems server.rates",
    "server.metrics": "storage.figures storage.job storage.queues storage.states storage.tallies",
    "server.overview": "server.queues server.service_answers server.wire storage.figures "
    "storage.runners storage.states",
    "server.web_files": "",
    "server.once": "server.problems storage.job",
    "server.services": "server.admission server.door server.config server.addresses server.rates "
    "server.queue_mark server.changes server.disk_mark server.batches server.once server.tracing "
    "server server.openapi server.feed server.submission server.callbacks storage.events "
    "storage.callbacks runner.job_types.base storage storage.bulk storage.explaining "
    "storage.figures storage.job storage.keys storage.opening storage.queues storage.retention "
    "storage.states storage.store storage.wakeup",
    "server.access": "",
    "server.failures": "server.problems storage.job",
    "server.storing": "server.once server.problems server.services storage.job storage.keys "
    "storage.store",
    "server.awaiting": f"{HTTP} server.storing storage.job",
    "server.canceling": f"{HTTP} server.access server.awaiting server.storing storage.*",
    "server.fast_calls": f"{HTTP} server.a* server.canceling server.strict_json server.storing",
    "server.fast_path": f"{HTTP} server server.access server.f* server.origins",
    "server.fast_connection": "server.connections server.fast_path server.pace",
    "server.front": f"{HTTP} server.a* server.connections server.fast_* server.pace",
    "server.handlers.*": f"{HTTP} server.a* server.canceling server.origins server.failures "
    "server.storing server.handlers.* storage.store storage.transactions "
    "runner.job_types* storage.events storage.states storage.job storage.bulk storage.explaining "
    "storage.filters storage.history storage.logs storage.queue_names storage.queues "
    "storage.readiness storage.runners",
    "server.app": "server.access server.handlers.* server.services server.web_files",
    "server.listener": "server.acceptor server.config server.front server.services server.tracing "
    "runner.job_types* storage.job storage.logs storage.opening storage.tracing",
    "server.__main__": "server.config server.listener server.token_command "
    "storage.config storage.drivers",
}

# Library: the modules that may import it. Anything else that is not Python's own is refused.
LIBRARIES = {
    "peewee": "storage.*",
    "playhouse": "storage.*",
    "psycopg": "storage.*",
    "pysqlite3": "storage.*",
    "sqlite3": "",  # a second SQLite in one process would undo the locks of the first
    "uuid_utils": "storage.job_ids",
    "obstore": "storage.upload_bucket storage.bucket_access",
    "pythonjsonlogger": "storage.logs",
    "orjson": "runner.messages storage.statements",
    "tornado": "server.*",
    "multipart": "server.*",
    "prometheus_client": "server.metrics",
    "opentelemetry": "storage.otlp storage.span_sender",
    "requests": "storage.span_sender",
    "stringzilla": "runner.analysis.* server.file_batch",
    "job_service_scan": "runner.analysis.kernel",
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
        ("storage.states", "import storage.job"),
        ("storage.store", "from runner import pool"),
        ("storage.store", "import tornado.ioloop"),
        ("storage.database", "import sqlite3"),
        ("storage.database", "import requests"),
        ("storage.job", "from tests.stores import Clock"),
        ("storage.job", "from . import states"),
        ("runner.pool", "def f():\n    from storage.job import Job"),
        ("runner.retry", "import storage.store"),
        ("runner.supervisor", "from server import wire"),
        ("runner.supervisor", "import peewee as pw"),
        ("runner.job_types.base", "from runner.job_types.sleep import Sleep"),
        ("server.app", "from runner.supervisor import Supervisor"),
        ("server.app", "if True:\n    from playhouse import db_url"),
        ("server.handlers.jobs", "from storage.claims import Claims"),
        ("server.util", ""),
    ],
)
def test_the_check_refuses(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


def test_the_check_lets_pass_what_a_row_allows() -> None:
    source = "import os\nimport peewee as pw\nfrom storage import job, tallies\n"
    assert violations("storage.database", source) == []
