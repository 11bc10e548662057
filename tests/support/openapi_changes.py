"""Finds what a new OpenAPI document takes away from clients that were written for the old one.

A request that was valid stays valid: its schema may only accept more. A response stays what a
client expects: its schema may only promise more. New paths, optional parameters, optional fields
and further fields of responses break nothing. Descriptions and examples are not compared.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

METHODS = ("get", "head", "post", "put", "patch", "delete")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")

Schema = dict[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """The changes that break clients, one line for each: where, and what is different."""
    return [*dict.fromkeys(_Comparison(old, new).documents())]


@dataclass
class _Comparison:
    """Two documents, and the pairs of schemas that are compared: schemas can be circular."""

    old: Schema
    new: Schema
    seen: set[tuple[str, str, bool]] = field(default_factory=set)

    def documents(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method in METHODS:
                if method in methods:
                    there = self.new["paths"].get(path, {}).get(method)
                    yield from self.operation(f"{method.upper()} {path}", methods, method, there)
        for name, item in self.old.get("webhooks", {}).items():
            there = self.new.get("webhooks", {}).get(name, {}).get("post")
            if there is None:
                yield f"webhook {name}: is gone"
            else:
                bodies = item["post"]["requestBody"], there["requestBody"]
                yield from self.contents(f"webhook {name}", *bodies, sent=False)

    def operation(self, at: str, item: Schema, method: str, new: Schema | None) -> Iterator[str]:
        if new is None:
            yield f"{at}: is gone"
            return
        old = item[method]
        yield from self.parameters(at, old, new)
        bodies = (
            self.found(old.get("requestBody", {})),
            self.found(new.get("requestBody", {}), new=True),
        )
        if bodies[1].get("required") and not bodies[0].get("required"):
            yield f"{at}: needs a body"
        yield from self.contents(f"{at}: body", *bodies, sent=True)
        for status, answer in old["responses"].items():
            if status.startswith("2"):
                there = new["responses"].get(status)
                if there is None:
                    yield f"{at}: no longer answers {status}"
                else:
                    answers = self.found(answer), self.found(there, new=True)
                    yield from self.contents(f"{at}: {status}", *answers, sent=False)

    def parameters(self, at: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = (
            {(each["name"], each["in"]): each for each in map(find, side.get("parameters", []))}
            for side, find in ((old, self.found), (new, lambda each: self.found(each, new=True)))
        )
        for key, each in after.items():
            if each.get("required") and not before.get(key, {}).get("required"):
                yield f"{at}: needs the parameter {key[0]}"
        for key, each in before.items():
            if key in after:
                schemas = each.get("schema", {}), after[key].get("schema", {})
                yield from self.schemas(f"{at}: parameter {key[0]}", *schemas, sent=True)
            else:
                yield f"{at}: the parameter {key[0]} is gone"

    def contents(self, at: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        """Bodies or responses. `sent`: clients send it; else they receive it."""
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{at}: {kind} is gone"
            else:
                schemas = content.get("schema", {}), new["content"][kind].get("schema", {})
                yield from self.schemas(at, *schemas, sent=sent)
        for name in old.get("headers", {}).keys() - new.get("headers", {}).keys():
            yield f"{at}: the header {name} is gone"

    def found(self, part: Schema, *, new: bool = False) -> Schema:
        """The part of a document that a reference names, or the part itself."""
        document = self.new if new else self.old
        while "$ref" in part:
            names = part["$ref"].removeprefix("#/").split("/")
            part = document
            for name in names:
                part = part[name]
        return part

    def schemas(self, at: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        pair = (str(old), str(new), sent)
        if pair in self.seen:
            return
        self.seen.add(pair)
        old, new = self.found(old), self.found(new, new=True)
        if "anyOf" in old or "anyOf" in new:
            yield from self.choices(at, old, new, sent=sent)
            return
        given, taken = (old, new) if sent else (new, old)
        yield from _values(at, given, taken)
        if sent:
            yield from _bounds(at, old, new)
        yield from self.fields(at, old, new, sent=sent)
        for part in ("items", "additionalProperties"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                yield from self.schemas(f"{at}[]", old[part], new[part], sent=sent)

    def choices(self, at: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        """Each choice on one side has to fit one of the other side."""
        before, after = old.get("anyOf", [old]), new.get("anyOf", [new])
        for number, each in enumerate(before if sent else after):
            pairs = (
                (each, other) if sent else (other, each) for other in (after if sent else before)
            )
            if not any(self.fits(*pair, sent=sent) for pair in pairs):
                yield f"{at}: choice {number} fits no choice of the {'new' if sent else 'old'} form"

    def fits(self, old: Schema, new: Schema, *, sent: bool) -> bool:
        return not any(
            _Comparison(self.old, self.new, {*self.seen}).schemas("", old, new, sent=sent)
        )

    def fields(self, at: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed = {*new.get("required", ())} - {*old.get("required", ())}
        promised = {*old.get("required", ())} - {*new.get("required", ())}
        for name in sorted(needed if sent else promised & after.keys()):
            yield f"{at}.{name}: {'is required' if sent else 'is no longer always there'}"
        for name, schema in before.items():
            if name in after:
                yield from self.schemas(f"{at}.{name}", schema, after[name], sent=sent)
            elif not sent or new.get("additionalProperties") is False:
                yield f"{at}.{name}: is gone"


def _values(at: str, given: Schema, taken: Schema) -> Iterator[str]:
    """`taken` has to allow each type and value that `given` allows."""
    for name, sets in (
        ("type", (_types(given), _types(taken))),
        ("value", (_enum(given), _enum(taken))),
    ):
        allowed, wanted = sets
        if wanted is not None and (allowed is None or not allowed <= wanted):
            lacking = sorted(map(str, (allowed or set()) - wanted)) or ["any"]
            yield f"{at}: {name} {', '.join(lacking)}"


def _types(schema: Schema) -> set[str] | None:
    given = schema.get("type")
    if given is None:
        return None
    types = {given} if isinstance(given, str) else {*given}
    return types | {"integer"} if "number" in types else types


def _enum(schema: Schema) -> set[Any] | None:
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return None if values is None else {str(each) for each in values}


def _bounds(at: str, old: Schema, new: Schema) -> Iterator[str]:
    for name in UPPER:
        if new.get(name, math.inf) < old.get(name, math.inf):
            yield f"{at}: {name} is {new[name]}"
    for name in LOWER:
        if new.get(name, -math.inf) > old.get(name, -math.inf):
            yield f"{at}: {name} is {new[name]}"
    for name in ("pattern", "format"):
        if name in new and new[name] != old.get(name):
            yield f"{at}: {name} is {new[name]}"
