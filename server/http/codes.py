"""The table of all problems: code, status, title, when it comes, and what a client can do.

Clients see the code, the status and the title in problem documents. The page `/docs/errors` and
the site show the whole table, and `docs/errors.md`, made by `make docs`, the codes. A code never
changes its meaning. Imports nothing of ours.
"""

from enum import Enum

PAGE = "/docs/errors"
"""The path of the page with one section for each code, served by the listener itself."""


class Code(Enum):
    """The kinds of problems. `str` gives the `code` in problem documents, such as job_running."""

    def __init__(self, status: int, title: str, when: str, remedy: str) -> None:
        """`when` and `remedy` are sentences for users, in Markdown."""
        self.status = status
        self.title = title
        self.when = when
        self.remedy = remedy

    def __str__(self) -> str:
        return self.name.lower()

    @property
    def type(self) -> str:
        """The `type` of the problem (RFC 9457): the address of the section of this code."""
        return f"{PAGE}#{self}"

    MALFORMED_REQUEST = (
        400,
        "The request cannot be read",
        "The bytes are not HTTP, or the path, the query, a header or the coding of the body is"
        " malformed. If the bytes are not HTTP, the connection is closed.",
        "Correct the client. `detail` names the part that is wrong.",
    )
    MALFORMED_JSON = (
        400,
        "The JSON cannot be read",
        "The body, or a form field with JSON, is not JSON. JSON is strict: no NaN or Infinity, no"
        " number beyond a double, no repeated key, no lone surrogate, no NUL in text, at most 32"
        " levels, UTF-8 without a BOM.",
        "Correct the text at the place in `errors`, which has the `line` and `column` of a syntax"
        " error.",
    )
    MALFORMED_FORM = (
        400,
        "The form cannot be read",
        "The body is not a complete form (multipart/form-data), or has more than 1,032 parts.",
        "Let a library write the form and its Content-Type: `curl -F`, `FormData`.",
    )
    SIGN_IN_FAILED = (
        400,
        "The sign-in failed",
        "The answer of the OpenID Connect provider is an error, or does not belong to a sign-in"
        " that this browser has begun in the last ten minutes.",
        "Begin the sign-in again. `detail` says what is wrong.",
    )
    TOKEN_REQUIRED = (
        401,
        "A token is required",
        "The request has neither a token nor a sign-in.",
        "Send `Authorization: Bearer TOKEN`.",
    )
    TOKEN_UNKNOWN = (
        401,
        "The token is unknown",
        "No token of the service equals the one in the request.",
        "Compare the token with `API_TOKENS`, or ask the operator for a new one.",
    )
    TOKEN_EXPIRED = (
        401,
        "The token has expired",
        "The token was valid until a time that `detail` names.",
        "Ask the operator for a new one: `python -m server token create NAME --expires 30d`.",
    )
    SESSION_ENDED = (
        401,
        "The sign-in has expired",
        "The sign-in of a browser is too old, or its token was removed or has expired.",
        "Sign in again.",
    )
    STREAM_TOKEN_INVALID = (
        401,
        "The stream token is not valid",
        "`stream_token` is not from this service, is older than a minute, or its caller has lost"
        " the token of the service with which it was asked for.",
        "Ask for a new one with `POST /stream-tokens`, and open a new stream, with the id of the"
        " last event in `last_event_id`.",
    )
    PROVIDER_TOKEN_INVALID = (
        401,
        "The provider's token is not valid",
        "The signature, the issuer, the audience or a time of the JSON Web Token is wrong, or the"
        " provider has withdrawn the key.",
        "Ask the provider for a new token for `OIDC_AUDIENCE`. `detail` says what is wrong.",
    )
    NO_ROLE = (
        403,
        "The caller has no role",
        "The caller is authenticated, but none of its groups is in `GROUP_ROLES`.",
        "Ask the operator for a group with a role, or for an entry in `GROUP_ROLES`.",
    )
    NAME_REFUSED = (
        403,
        "The caller's name cannot be used",
        "The provider states no name for the caller, one that is too long or not printable, or an"
        " e-mail address that it has not verified.",
        "Have the provider state or verify it, or name another claim in `OIDC_NAME_CLAIM`.",
    )
    ROLE_TOO_LOW = (
        403,
        "The role is insufficient",
        "The token may not make this call. `detail` names the role that is required.",
        "Use a token with that role.",
    )
    TOKEN_LIMITED = (
        403,
        "The token does not see all jobs",
        "The call is about the jobs of all callers or all queues, and the token has the role"
        " read-own, or is limited to some queues.",
        "Use a token with the role read. `GET /queues` counts the jobs that this token sees.",
    )
    QUEUE_NOT_ALLOWED = (
        403,
        "The token may not use the queue",
        "The token is limited to some queues. `detail` names them.",
        "Name one of these queues as `queue`, or use a token that is not limited.",
    )
    NOT_YOUR_JOB = (
        403,
        "Another caller has submitted the job",
        "The role submit may cancel, retry and delete only jobs that its own token has submitted.",
        "Use the token that submitted the job, or one with the role admin.",
    )
    NOT_YOUR_PATTERN_SET = (
        403,
        "Another caller has created the pattern set",
        "The role submit may replace and delete only pattern sets that its own token has created.",
        "Save the patterns under another name, or use a token with the role admin.",
    )
    NOT_YOUR_SCHEDULE = (
        403,
        "Another caller has created the schedule",
        "The role submit may change, run and delete only schedules that its own token has created.",
        "Use the token that created the schedule, or one with the role admin.",
    )
    NOT_YOUR_UPLOAD = (
        403,
        "Another caller has begun the upload",
        "Only the token that has begun a resumable upload may read, continue, use and delete it.",
        "Use the token that has begun the upload, or one with the role admin.",
    )
    FOREIGN_ORIGIN = (
        403,
        "The request comes from a page of another origin",
        "A web page of another origin tried to change something.",
        "If it is a page of this service, the proxy in front must pass on `Host` with its port "
        "(nginx: `proxy_set_header Host $http_host`), or send `X-Forwarded-Host` from one of "
        "`TRUSTED_PROXIES`. If not, add its origin to `CORS_ORIGINS`, and let it send a token.",
    )
    NOT_FOUND = (
        404,
        "There is nothing at this path",
        "The path is not part of the API.",
        "Compare it with `/openapi.json`.",
    )
    JOB_NOT_FOUND = (
        404,
        "There is no such job",
        "No job has this id. It never existed, was deleted, or is older than `RETENTION_SECONDS`.",
        "Check the id. After a 503 with a `job_id`, this answer means that the job was not stored.",
    )
    ATTEMPT_NOT_FOUND = (
        404,
        "The job has no such attempt",
        "The number in `attempt` is higher than the job's newest attempt.",
        "Leave out `attempt` to get the newest one.",
    )
    FILE_NOT_FOUND = (
        404,
        "There is no such file",
        "The job takes no file, so it has no lines and nothing to download. Or no job has a file"
        " with the hash that was asked for.",
        "Ask for a job with an `upload`; send a file that no job has.",
    )
    UPLOAD_NOT_FOUND = (
        404,
        "There is no such upload",
        "No resumable upload has this id. It never existed, was deleted, or has expired:"
        " `Upload-Expires` of its last response says when.",
        "Begin a new one with `POST /uploads`.",
    )
    BATCH_NOT_FOUND = (
        404,
        "There is no such batch",
        "No batch has this id. It never existed, or all its jobs were deleted.",
        "Check the id. After a 503 with a `batch_id`, this answer means that the batch was not"
        " stored.",
    )
    QUEUE_NOT_FOUND = (
        404,
        "There is no such queue",
        "No queue has this name.",
        "`GET /queues` lists all queues, and `PUT /queues/NAME` creates one.",
    )
    TYPE_NOT_FOUND = (
        404,
        "There is no such job type",
        "The listener has no job type with this name, or it does not work.",
        "`GET /types` lists all job types, and why others do not work.",
    )
    PATTERN_SET_NOT_FOUND = (
        404,
        "There is no such pattern set",
        "No pattern set has this name.",
        "`GET /pattern-sets` lists all sets, and `PUT /pattern-sets/NAME` saves one.",
    )
    SCHEDULE_NOT_FOUND = (
        404,
        "There is no such schedule",
        "No schedule has this name.",
        "`GET /schedules` lists all schedules, and `PUT /schedules/NAME` creates one.",
    )
    METHOD_NOT_ALLOWED = (
        405,
        "The method is not supported here",
        "The path exists, but not with this method.",
        "Use one of the methods in the header `Allow`.",
    )
    TOO_SLOW = (
        408,
        "The request arrived too slowly",
        "The head took longer than 10 seconds, or the body fell 10 seconds behind 1,024 bytes"
        " per second. The connection is closed.",
        "Send the request again, with a better connection if possible.",
    )
    NO_ANALYSIS = (
        409,
        "The job has no result of an analysis",
        "Comparisons, reports and tables need a job of the type analyze that has succeeded.",
        "Wait for the end of the job, or name another one. `detail` names the job and its status.",
    )
    JOB_QUEUED = (
        409,
        "The job is queued",
        "A queued job can be neither deleted nor retried.",
        "To delete it, cancel it first. A retry is not needed: the job will run.",
    )
    JOB_RUNNING = (
        409,
        "The job is running",
        "A running job can be neither deleted nor retried.",
        "Wait for its end, or cancel it first.",
    )
    JOB_SUCCEEDED = (
        409,
        "The job has succeeded",
        "Only a job that failed or was canceled can be retried.",
        "Submit a new job.",
    )
    PREDECESSOR_FAILED = (
        409,
        "A predecessor has not succeeded",
        "The job runs only after the success of the jobs in its `after`, and at least one of them"
        " failed or was canceled. `detail` names it.",
        "Retry that job first. Then this one can be retried, too, and waits for it. `POST"
        " /jobs/retry` with filters that select both does that in the right order.",
    )
    INPUT_DELETED = (
        409,
        "The input of the job was deleted",
        "The job was to get the result of another one as its `input`. That job was deleted before"
        " it had passed its result on.",
        "Submit a new job with the data in its payload.",
    )
    JOB_NOT_QUEUED = (
        409,
        "The job is not queued",
        "Only a queued job can be changed.",
        "Submit a new job with the other options.",
    )
    DEADLINE_UNREACHABLE = (
        409,
        "The job would miss its deadline",
        "The job is expected to end after its `finish_by`: `estimated_end_at` says when, if jobs of"
        " its type have ended lately.",
        "Submit it with a later `finish_by` or without one, with a higher `priority`, or to a queue"
        " that has room.",
    )
    JOB_ENDED = (
        409,
        "The job has already ended",
        "A job that succeeded or failed can no longer be canceled.",
        "Nothing is left to cancel. `GET /jobs/ID` shows how the job ended.",
    )
    UNIQUE_KEY_HELD = (
        409,
        "Another job holds the unique key",
        "At most one job at a time holds a `unique_key`. The document has the `job_id` of the"
        " holder.",
        "Use the other job, or wait for its end; `if_exists` can return or replace it instead.",
    )
    OFFSET_CONFLICT = (
        409,
        "The upload has another offset",
        "The bytes do not begin where the stored ones end. `Upload-Offset` says where that is.",
        "Ask with `HEAD /uploads/ID`, and go on from there.",
    )
    UPLOAD_INCOMPLETE = (
        409,
        "The upload is not complete",
        "A job can use a resumable upload only when all its bytes have arrived.",
        "Send the bytes from `Upload-Offset` on, then submit the job.",
    )
    UPLOAD_NOT_READY = (
        409,
        "The upload is still being checked",
        "All bytes have arrived, and the service still computes the SHA-256 of the file; in S3, it"
        " also puts its pieces together.",
        "Wait for `Retry-After` seconds, and send the request again.",
    )
    TOO_MANY_UPLOADS = (
        409,
        "There are too many uploads",
        "The service has as many resumable uploads as it can have, or the caller has its share.",
        "`GET /uploads` lists them: delete those that are not needed with `DELETE /uploads/ID`, or"
        " wait until some expire.",
    )
    KEY_IN_PROGRESS = (
        409,
        "A request with this key is in progress",
        "The first request with this `Idempotency-Key` has not been answered yet.",
        "Wait a moment, and send the request again with the same key.",
    )
    QUEUE_IN_USE = (
        409,
        "The queue has jobs",
        "A queue with queued or running jobs cannot be deleted.",
        "Cancel its jobs or wait for their end, then delete it.",
    )
    QUEUE_REQUIRED = (
        409,
        "The queue cannot be deleted",
        "Jobs that name no queue go into the queue default, so it always exists.",
        "Pause the queue instead.",
    )
    TOO_MANY_QUEUES = (
        409,
        "There are too many queues",
        "The service has as many queues as it can have.",
        "Delete a queue that is not needed.",
    )
    PATTERN_SET_BUILT_IN = (
        409,
        "The pattern set is built in",
        "Built-in pattern sets can be neither replaced nor deleted.",
        "Save the patterns under another name.",
    )
    TOO_MANY_PATTERN_SETS = (
        409,
        "There are too many pattern sets",
        "The service has as many pattern sets as it can have, or the caller has its share.",
        "Delete a set that is not needed.",
    )
    SCHEDULE_BUSY = (
        409,
        "The last job of the schedule is not final",
        "With `overlap: skip`, the last job of the schedule, `job_id`, is queued or running. With"
        " another `overlap`, 100 of its jobs are.",
        "Wait for the ends of these jobs, or cancel them. With `overlap: queue`, a new job waits"
        " for them by itself.",
    )
    SCHEDULE_CHANGED = (
        409,
        "The schedule is being changed",
        "Other callers changed the schedule again and again while this change was made.",
        "Read the schedule, and change it again.",
    )
    TOO_MANY_SCHEDULES = (
        409,
        "There are too many schedules",
        "The service has as many schedules as it can have, or the caller has its share.",
        "Delete a schedule that is not needed.",
    )
    STREAM_TOKEN_UNAVAILABLE = (
        409,
        "There is no stream token for this caller",
        "No tokens are set, or the caller has none of the service: a provider of OpenID Connect or"
        " a proxy has signed it in.",
        "Open the stream without `stream_token`. A browser sends the sign-in of this service by"
        " itself.",
    )
    SIGN_IN_NOT_NEEDED = (
        409,
        "Sign-in is not needed",
        "No tokens are set, so everybody may do everything.",
        "Use the service without a sign-in.",
    )
    FILE_UNREADABLE = (
        409,
        "The file has no lines that can be read",
        "The file of the job, or the `member` of it, has a format without lines of text, is"
        " encrypted, or is damaged at its start. `detail` has the reason.",
        "Upload a text file, plain or compressed; or name another member of the archive.",
    )
    FILE_GONE = (
        410,
        "The file of the job is gone",
        "The stored file was deleted or changed, not by the service.",
        "Submit the file again.",
    )
    PRECONDITION_FAILED = (
        412,
        "The resource has changed",
        "`If-Match` or `If-None-Match` does not fit the present state.",
        "Read the resource again, and repeat the call with its new `ETag`.",
    )
    TUS_VERSION_UNSUPPORTED = (
        412,
        "The version of tus is not supported",
        "The header `Tus-Resumable` names another version than 1.0.0.",
        "Use a client for tus 1.0, or leave the header out.",
    )
    BODY_TOO_LARGE = (
        413,
        "The body is too large",
        "JSON exceeds 1 MiB, or a body is larger than its call allows.",
        "Send less. Large data belongs into a file.",
    )
    FILE_TOO_LARGE = (
        413,
        "The file is too large",
        "The file exceeds `MAX_UPLOAD_BYTES`.",
        "Compress or split the file, or raise the setting.",
    )
    LARGER_THAN_QUOTA = (
        413,
        "The request is larger than a quota of the caller",
        "The request alone has more than the [quota](security.md#quotas) `quota` of its caller"
        " allows, `limit`: a batch has more jobs, or a file more bytes.",
        "Send less at once, or ask the operator for a larger quota.",
    )
    MEDIA_TYPE_UNSUPPORTED = (
        415,
        "The media type is not supported",
        "The `Content-Type` is missing or not one that the call accepts.",
        "Send `application/json` or, with a file, `multipart/form-data`.",
    )
    CODING_UNSUPPORTED = (
        415,
        "The content coding is not supported",
        "The body has a `Content-Encoding`; only `/analyze` takes some.",
        "Send the body without it. A file may itself be compressed.",
    )
    RANGE_REFUSED = (
        416,
        "The range is behind the end of the file",
        "`Range` begins behind the last byte of the file. `Content-Range` has its size.",
        "Ask for a range within the file, or leave out `Range` to get all of it.",
    )
    UNKNOWN_HOST = (
        421,
        "The host is unknown",
        "The request names a host that is neither local nor in `ALLOWED_HOSTS`.",
        "If clients are to use this name, add it to `ALLOWED_HOSTS`. Otherwise use the address of"
        " the machine.",
    )
    INVALID_REQUEST = (
        422,
        "The request is invalid",
        "The request can be read, but some of its values are not acceptable.",
        "Correct the fields in `errors`. It names all of them, up to 100.",
    )
    UNKNOWN_PARAMETER = (
        422,
        "A query parameter is unknown or repeated",
        "The query has a parameter that the call does not know, or one value too many.",
        "Correct the names in `errors`. Each error lists the known names.",
    )
    KEY_REUSED = (
        422,
        "The key belongs to another submission",
        "This `Idempotency-Key` was already used for a submission with other values.",
        "Use a new key for each new submission. Send an old key only with an equal submission.",
    )
    UPLOAD_BUSY = (
        423,
        "Another request is writing to the upload",
        "Bytes of this resumable upload are arriving by another request, or the request was"
        " interrupted by one that asked for the offset.",
        "Ask with `HEAD /uploads/ID`, which ends the other request, and go on from there.",
    )
    RATE_LIMITED = (
        429,
        "Too many requests",
        "The caller or its address sends more requests than `RATE_LIMIT` or the caller's quota"
        " `requests` allows.",
        "Wait for `Retry-After` seconds. `RateLimit` tells what is left.",
    )
    QUOTA_EXCEEDED = (
        429,
        "The quota of the caller is used up",
        "The caller has as many queued jobs or bytes of files as its [quota](security.md#quotas)"
        " allows. `quota`, `limit` and `used` of the document have the figures.",
        "Make room as `detail` says. With `Retry-After`, waiting may help, too.",
    )
    TOO_MANY_FAILURES = (
        429,
        "Too many failed authentications",
        "Too many wrong tokens came from this address.",
        "Correct the token, and wait for `Retry-After` seconds.",
    )
    HEAD_TOO_LARGE = (
        431,
        "The head of the request is too large",
        "Request line and headers together exceed 16 KiB. The connection is closed.",
        "Send fewer cookies and headers, or a shorter query.",
    )
    CHECKSUM_MISMATCH = (
        460,
        "The checksum does not fit",
        "The bytes of the request do not have the checksum in `Upload-Checksum`. None of them was"
        " stored.",
        "Send the bytes again, from the same offset.",
    )
    INTERNAL_ERROR = (
        500,
        "Internal error",
        "The service has a bug.",
        "Report it, with the line of the listener's log that has the same `request_id`.",
    )
    STORE_UNAVAILABLE = (
        503,
        "The store is not available",
        "The database or the disk does not answer now. Nothing was stored.",
        "Wait for `Retry-After` seconds, and send the request again.",
    )
    STORE_DAMAGED = (
        503,
        "The store cannot be used",
        "The database is damaged, or its schema does not fit this release.",
        "The operator must repair it. The listener's log has the reason.",
    )
    SUBMISSION_UNCERTAIN = (
        503,
        "It is uncertain whether the job was stored",
        "The store failed in the middle of a commit. The document has the `job_id` that the job"
        " would have.",
        "Ask with `GET /jobs/ID` after a second: 200 means stored, 404 means not stored. Only then"
        " submit again, or always send an `Idempotency-Key`.",
    )
    QUEUE_FULL = (
        503,
        "Too many jobs are queued",
        "`MAX_QUEUED_JOBS` jobs are queued, or the caller has its share of them.",
        "Wait for `Retry-After` seconds, and submit again.",
    )
    STREAMS_FULL = (
        503,
        "Too many event streams are open",
        "2,000 streams are open at this listener, or half of its connections are streams, or the"
        " caller has its share of them.",
        "Wait for `Retry-After` seconds, or ask another listener.",
    )
    FILE_UNAVAILABLE = (
        503,
        "The file cannot be read now",
        "The store of uploads fails, or too many requests for lines are under way.",
        "Wait for `Retry-After` seconds, and send the request again.",
    )
    CHECK_FAILED = (
        503,
        "The submission could not be checked",
        "The process that checks large submissions and regexes ended, or took longer than 30"
        " seconds. Nothing was stored.",
        "Wait for `Retry-After` seconds, and send the request again.",
    )
    NOT_READY = (
        503,
        "The service accepts no new jobs",
        "Only `/readyz` answers this: the store is read-only, does not fit this release, or has no"
        " room.",
        "`detail` names the reason.",
    )
    PROVIDER_UNAVAILABLE = (
        503,
        "The OpenID Connect provider is unavailable",
        "The provider does not respond, or its answer cannot be used. Existing sessions and API"
        " tokens go on.",
        "Try again after `Retry-After`. The log of the listener says what is wrong.",
    )
    DISK_FULL = (
        507,
        "The disk is full",
        "The disk is full or has less than `MIN_FREE_BYTES`. Nothing was stored; all calls that"
        " store nothing work.",
        "Free some space, or lower `MIN_FREE_BYTES`. `detail` names the disk.",
    )
