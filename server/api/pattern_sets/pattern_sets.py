"""`/pattern-sets`: patterns that are saved under a name, for analyses."""

import json
from dataclasses import replace

from server.api.openapi.operation import Operation
from server.api.pattern_sets.documents import (
    MAX_SET_BYTES,
    PatternSetBody,
    PatternSetDocument,
    PatternSetsDocument,
    set_document,
    set_etag,
)
from server.api.pattern_sets.lookup import BUILT_IN, PatternSetLookup
from server.auth.callers import Role
from server.documents.field_errors import read_document
from server.documents.queues import require_new_name
from server.handlers.base import Handler
from server.http.body import Body, JsonBody, json_body, media_type
from server.http.codes import Code
from server.http.problems import FieldError, Problem, unacceptable
from server.http.request_log import log_change
from server.jobs.validation.received import FILE_PART, Received
from server.jobs.validation.submission import SubmissionChecks
from server.store.threads import StoreThreads
from storage.jobs.pattern_sets import MAX_PATTERN_SETS, PatternSet, TooManyPatternSets
from storage.records.json_values import JsonValue
from storage.records.queue_name import is_queue_name

TEXT = "text/plain"


class PatternSetsHandler(Handler):
    """All pattern sets."""

    pattern_sets: PatternSetLookup
    ROUTE = "/pattern-sets"
    LIMITED = True

    @Operation("listPatternSets", "pattern sets", {200: PatternSetsDocument})
    async def get(self) -> None:
        """All pattern sets.

        Saved and built-in sets without their patterns, sorted by name.
        """
        self.send_json({"items": await self.pattern_sets.all()})


class PatternSetHandler(Handler):
    """One pattern set. Callers with the role `submit` may change sets that they have created."""

    pattern_sets: PatternSetLookup
    checks: SubmissionChecks
    threads: StoreThreads
    ROUTE = "/pattern-sets/{name}"
    LIMITED = True
    CONDITIONAL = True

    async def body(self) -> Body:
        """Accept JSON, or a text with one pattern on each line. Raises Problem 413 or 415."""
        return json_body(self.request.headers, MAX_SET_BYTES, TEXT)

    @Operation("getPatternSet", "pattern sets", {200: PatternSetDocument})
    async def get(self, name: str) -> None:
        """A pattern set.

        With its patterns, as the payload of analyze has them.
        """
        if (document := await self.pattern_sets.get(name)) is None:
            raise pattern_set_not_found(name)
        self.send_json(document)

    @Operation(
        "putPatternSet",
        "pattern sets",
        {200: PatternSetDocument, 201: PatternSetDocument},
        role=Role.SUBMIT,
        body=PatternSetBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    )
    async def put(self, name: str) -> None:
        """Save a pattern set, or replace all of it.

        The status is 201 for a new set. A body of the type text/plain has one pattern on each line.
        Sets of other callers can only be replaced by admins, and built-in sets by nobody.
        """
        body = self._read()
        require_new_name(name)
        read_document(PatternSetBody, body)
        await self._check_patterns(body["patterns"])
        put, description = self.pattern_sets.saved.put, body.get("description", "")
        arguments = (name, body["patterns"], description, self.caller.name, self._check(name))
        try:
            actor, sharer = self.caller.actor, self.caller.sharer
            saved, is_new = await self.threads.run(put, *arguments, actor, sharer)
        except TooManyPatternSets as error:
            detail = error.text(MAX_PATTERN_SETS, "pattern sets")
            raise Problem(Code.TOO_MANY_PATTERN_SETS, detail) from None
        count = saved.pattern_count
        log_change(self.caller.name, "put pattern set", pattern_set=name, patterns=count)
        if is_new:
            self.set_header("Location", f"{self.root_path}/pattern-sets/{name}")
        self.send_json(set_document(saved), status=201 if is_new else 200)

    @Operation("deletePatternSet", "pattern sets", {204: None}, role=Role.SUBMIT, problems=(409,))
    async def delete(self, name: str) -> None:
        """Delete a pattern set.

        Jobs that were submitted with it keep its patterns. Sets of other callers can only be
        deleted by admins, and built-in sets by nobody.
        """
        self.require_body()
        if not is_queue_name(name):
            raise pattern_set_not_found(name)
        check = self._check(name, only_existing=True)
        delete, actor = self.pattern_sets.saved.delete, self.caller.actor
        if not await self.threads.run(delete, name, check, actor):
            raise pattern_set_not_found(name)
        log_change(self.caller.name, "delete pattern set", pattern_set=name)
        self.set_status(204)

    def _read(self) -> JsonValue:
        """Return the body as JSON has it. Raises Problem 400 and 422."""
        if media_type(self.request.headers)[0] != TEXT:
            return self.json_document()
        self.require_body()
        assert isinstance(self.received, JsonBody)
        return {"patterns": patterns_of_text(self.received.text())}

    async def _check_patterns(self, patterns: list[JsonValue]) -> None:
        """Check patterns as if a job had them. Raises Problem 422."""
        job = {"type": "analyze", "payload": {"patterns": patterns}}
        try:
            await self.checks.check(Received(json.dumps(job).encode(), FILE_PART))
        except Problem as problem:
            errors = [
                replace(each, field=each.field.removeprefix("payload.")) for each in problem.errors
            ]
            raise unacceptable(errors, problem.code) if errors else problem from None

    def _check(self, name: str, only_existing: bool = False) -> JsonValue:
        """Return a check that raises Problem 403, 409 or 412 if the caller may not make a change.

        With `only_existing` the check accepts a missing set, because the response is then 404.
        """
        caller, conditions = self.caller, self.conditions

        def check(saved: PatternSet | None) -> None:
            if saved is None and name in BUILT_IN:
                detail = f"the pattern set {name} is built in; save it under another name"
                raise Problem(Code.PATTERN_SET_BUILT_IN, detail)
            if saved and not caller.may_change_shared(saved.created_by):
                detail = f"{caller.name} has not created this set: changing it needs the role admin"
                raise Problem(Code.NOT_YOUR_PATTERN_SET, detail)
            if saved or not only_existing:
                conditions.require(set_etag(saved))

        return check


def patterns_of_text(text: bytes) -> list[str]:
    """Return the lines of a text, each once and without empty ones, as `jobservice analyze -f`.

    Raises Problem 422 if it is not UTF-8.
    """
    try:
        lines = text.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        detail = f"it is not UTF-8: invalid byte at position {error.start}"
        raise unacceptable([FieldError("body", detail, "malformed")]) from None
    return list(dict.fromkeys(line for line in lines if line))


def pattern_set_not_found(name: str) -> Problem:
    """404: no pattern set has this name."""
    return Problem(
        Code.PATTERN_SET_NOT_FOUND,
        f"there is no pattern set {name[:100]}; PUT /pattern-sets/NAME saves one",
    )
