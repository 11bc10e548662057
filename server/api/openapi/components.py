"""The parts of /openapi.json that many operations share: headers, problems, security schemes."""

from collections.abc import Iterable

from server.auth.sessions import cookie_name
from server.http.codes import Code
from server.http.problems import CONTENT_TYPE, FieldError, Problem
from server.http.response import HEADER as REQUEST_ID
from server.http.response import MAX_LENGTH
from storage.records.json_values import Json

COMMON_PROBLEMS = (400, 408, 413, 421, 422, 429, 431, 503)
"""Errors of every operation: the request is malformed, too slow, too large or too frequent, it has
an unknown host or parameter, or the store is unavailable."""
_PROBLEMS = {
    400: ("The request is malformed", Code.MALFORMED_JSON, "the body ends too early"),
    401: ("The token is missing or not known", Code.TOKEN_REQUIRED, "send a token"),
    403: (
        "The caller has no role or one that does not allow this, or the request comes from another"
        " origin's page",
        Code.ROLE_TOO_LOW,
        "this needs the role admin",
    ),
    404: ("The resource does not exist", Code.JOB_NOT_FOUND, "there is no such job"),
    408: ("The request arrived too slowly", Code.TOO_SLOW, "the body did not arrive in time"),
    409: (
        "The state of the job, or an earlier request, does not allow this",
        Code.JOB_SUCCEEDED,
        "the job has already succeeded",
    ),
    410: (
        "The file of the job is gone",
        Code.FILE_GONE,
        "the file was deleted or changed",
    ),
    412: (
        "If-Match or If-None-Match does not fit the present state of the resource",
        Code.PRECONDITION_FAILED,
        "the resource has changed",
    ),
    413: ("The request is too large", Code.BODY_TOO_LARGE, "the body is too large"),
    415: (
        "The media type of the body is not supported",
        Code.MEDIA_TYPE_UNSUPPORTED,
        "send application/json",
    ),
    416: (
        "The range is behind the end of the file; see the header Content-Range",
        Code.RANGE_REFUSED,
        "the file has 38 bytes, and the range begins behind them",
    ),
    421: (
        "The host in the request is unknown; see ALLOWED_HOSTS",
        Code.UNKNOWN_HOST,
        "this service has no host 'example.org': see ALLOWED_HOSTS",
    ),
    422: (
        "The request is well-formed but invalid; errors names each field",
        Code.INVALID_REQUEST,
        "limit: it must be at most 500",
    ),
    423: (
        "Another request is writing to the upload",
        Code.UPLOAD_BUSY,
        "another request is writing to this upload",
    ),
    429: (
        "Too many requests, or a quota of the caller is used up; see the headers Retry-After and"
        " RateLimit",
        Code.RATE_LIMITED,
        "wait for two seconds",
    ),
    431: ("The request's headers are too large", Code.HEAD_TOO_LARGE, "send shorter headers"),
    460: (
        "The bytes do not have the checksum in Upload-Checksum",
        Code.CHECKSUM_MISMATCH,
        "the bytes have another sha256",
    ),
    503: (
        "The store is unavailable, or a limit is reached; see the header Retry-After",
        Code.STORE_UNAVAILABLE,
        "the store does not respond",
    ),
    507: ("The disk has no room", Code.DISK_FULL, "the disk has too little room"),
}
"""By status: the description of the error, and an example."""
_FIELD_ERRORS = {422: FieldError("limit", "it must be at most 500", "out_of_range")}
_TEXT: Json = {"type": "string"}
_TAG = '(W/)?"[!#-~]*"'
_TAGS: Json = {"type": "string", "pattern": rf"^(\*|{_TAG}(, ?{_TAG})*)$"}
_NUMBER: Json = {"type": "string", "pattern": "^[0-9]{1,18}$"}


def security_schemes(root_path: str = "") -> dict[str, Json]:
    """Build the ways to sign in at a service below this path, by their names."""
    prefix = "__Secure-" if root_path else "__Host-"
    return {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token from API_TOKENS or API_TOKENS_FILE; not needed if none is set",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name(False, root_path),
            "description": f"Sign-in of the web front end; over https, its name begins with"
            f" {prefix}",
        },
    }


def _header(description: str, schema: Json = _TEXT) -> Json:
    return {"description": description, "schema": schema}


RESPONSE_HEADERS: dict[str, Json] = {
    "Location": _header("Path of the new resource"),
    "Tus-Resumable": _header("The version of tus", {"type": "string", "enum": ["1.0.0"]}),
    "Upload-Offset": _header("How many bytes are stored", _NUMBER),
    "Upload-Expires": _header("When the upload is deleted, unless it is changed before"),
    "Idempotency-Replayed": _header(
        "The response to an earlier submission with the same key",
        {"type": "string", "enum": ["true"]},
    ),
    "Link": _header("The next page (RFC 8288)"),
    "Preference-Applied": _header("wait=30 if the response has waited because of Prefer"),
    "Retry-After": _header("Seconds to wait before asking again"),
    "Accept-Ranges": _header("bytes: parts of the file can be asked for with Range"),
    "Content-Disposition": _header("The name of the file (RFC 6266)"),
    "Content-Range": _header("Which bytes of the file the response has, and the size of the file"),
    "Etag": _header("Version of this response, for If-None-Match"),
    REQUEST_ID: _header(
        "Id of the request, also in the log; a request may choose it by this header",
        {"type": "string", "maxLength": MAX_LENGTH},
    ),
    "Set-Cookie": _header("Sets or removes the sign-in cookie"),
    "WWW-Authenticate": _header("Bearer (RFC 6750)"),
}
REQUEST_HEADERS: dict[str, Json] = {
    "Prefer": _header("wait=30 has the effect of the parameter wait (RFC 7240)"),
    "Last-Event-ID": _header("Send only events after this one", _NUMBER),
    "If-Match": _header(
        "An Etag, several, or *; the status is 412 if none is the present one", _TAGS
    ),
    "If-None-Match": _header(
        "An Etag, several, or *; if one is the present one, the status is 304 for GET, and 412 for"
        " other methods",
        _TAGS,
    ),
    "Range": _header(
        "bytes=0-99 asks for a part of the file, bytes=100- for all from there, bytes=-100 for the"
        " end. Several ranges get the whole file"
    ),
    "If-Range": _header("An Etag: if the file has another one, Range is ignored"),
    "Upload-Length": _header("The size of the file in bytes", _NUMBER),
    "Upload-Metadata": _header(
        "filename, a space and the name of the file in Base64; pairs are separated by commas, and"
        " others are ignored"
    ),
    "Upload-Offset": _header("The offset at which the bytes of the body begin", _NUMBER),
    "Upload-Checksum": _header(
        "sha1 or sha256, a space and the hash of the body in Base64; bytes with another hash are"
        " not stored"
    ),
    "Idempotency-Key": _header(
        "Any text; repeating a submission with its key creates no second job",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
    ),
    "Traceparent": _header("The client's trace context (W3C), used if tracing is on"),
}
WEBHOOK_HEADERS: dict[str, Json] = {
    "webhook-id": _header("Id of the callback, the same each time that it is sent"),
    "webhook-timestamp": _header("When this request was sent, in Unix seconds", _NUMBER),
    "webhook-signature": _header("v1, and the signature (HMAC-SHA256) of id, timestamp and body"),
}


def request_headers(names: Iterable[str], headers: dict[str, Json]) -> list[Json]:
    """Return the parameters for some headers of a request."""
    return [{"name": name, "in": "header", **headers[name]} for name in names]


def header_references(names: Iterable[str]) -> Json:
    """Return references to the headers of a response."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problem_reference(status: int) -> Json:
    """Return a reference to the response with this error."""
    return {"$ref": f"#/components/responses/Problem{status}"}


def problem_responses(schema: Json) -> dict[str, Json]:
    """Return the responses of all errors, as components. `schema` describes their documents."""
    return {f"Problem{status}": _problem_response(status, schema) for status in _PROBLEMS}


def _problem_response(status: int, schema: Json) -> Json:
    description, code, detail = _PROBLEMS[status]
    errors = [_FIELD_ERRORS[status]] if status in _FIELD_ERRORS else []
    example = Problem(code, detail, errors).document("6b1f0a93c2d84e57", "")
    names = (REQUEST_ID, *(["WWW-Authenticate"] if status == 401 else []))
    return {
        "description": description,
        "headers": header_references(names),
        "content": {CONTENT_TYPE: {"schema": schema, "example": example}},
    }
