"""Lets all databases of a test process share what depends on the code only.

A program compiles its statements and describes its API once. A process of tests opens a store for
each test, and a listener for many: describing the API again took half of the CPU time of these, and
reading the front end a third of the rest.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from inspect import ismethod
from typing import Any
from unittest.mock import patch

import server.start.app
from runner.job_types.base import JobType
from server.handlers.web_files import WebFiles
from server.start.description import openapi_document
from storage.db.database import Database
from storage.db.postgresql import Postgresql
from storage.db.statements import Statement


@contextmanager
def shared_compilation() -> Iterator[None]:
    """Share statements between databases of a kind, the document of the same job types, and the
    files of the front end."""
    with (
        patch.object(Database, "statement", _statement_of_all),
        patch.object(Postgresql, "_batch", _batch_of_all),
        patch.object(server.start.app, "openapi_document", shared_document),
        patch.object(server.start.app, "WebFiles", shared_web_files),
    ):
        yield


_compile_own, _batch_own = Database.statement, Postgresql._batch
_statements: dict[Hashable, Statement] = {}
_batches: dict[Hashable, Any] = {}
_documents: dict[Hashable, dict[str, Any]] = {}


def _statement_of_all(database: Database, key: Hashable, make: Callable[[], Any]) -> Statement:
    """Replaces `Database.statement`: finds the statement that any database has compiled."""
    code = getattr(make, "__code__", None)
    if code is None or ismethod(make) or "self" in code.co_freevars:
        return _compile_own(database, key, make)  # depends on an object, such as a worker's queues
    shared = type(database.engine), code, key
    if shared not in _statements:
        _statements[shared] = _compile_own(database, key, make)
    return _statements[shared]


def _batch_of_all(engine: Postgresql, key: tuple[Any, ...], make: Callable[..., Any]) -> Any:
    """Replaces `Postgresql._batch`; its keys contain the statement."""
    if key not in _batches:
        _batches[key] = _batch_own(engine, key, make)
    return _batches[key]


shared_web_files = cache(WebFiles)
"""Replaces `WebFiles`: reads the files once for each path of the service."""


def shared_document(job_types: Mapping[str, JobType[Any]]) -> dict[str, Any]:
    """Replaces `openapi_document`: describes job types once."""
    key = tuple((name, type(job_type)) for name, job_type in job_types.items())
    if key not in _documents:
        _documents[key] = openapi_document(job_types)
    return _documents[key]
