"""The tables as Peewee models. They are bound to no database: each query is bound when it runs.

A job has its attempts and at most one upload. Several jobs may share an upload. Runners are the
processes that claim jobs; each start of a runner has its own row.
"""

import peewee as pw


class UploadRow(pw.Model):
    """A stored file."""

    id = pw.UUIDField(primary_key=True)
    name = pw.TextField()
    size = pw.BigIntegerField()
    sha256 = pw.TextField()

    class Meta:
        table_name = "upload"


class JobRow(pw.Model):
    """A job. JSON is stored as text, times are in milliseconds since 1970."""

    id = pw.UUIDField(primary_key=True)
    type = pw.TextField()
    status = pw.TextField()
    payload = pw.TextField()
    result = pw.TextField(null=True)
    error = pw.TextField(null=True)
    progress = pw.TextField(null=True)
    attempt = pw.IntegerField()
    retry_count = pw.IntegerField()
    max_retries = pw.IntegerField()
    loss_count = pw.IntegerField()
    max_losses = pw.IntegerField()
    priority = pw.IntegerField()
    timeout = pw.DoubleField(null=True)
    created_at = pw.BigIntegerField()
    run_at = pw.BigIntegerField()
    started_at = pw.BigIntegerField(null=True)
    finished_at = pw.BigIntegerField(null=True)
    cancel_requested_at = pw.BigIntegerField(null=True)
    locked_by = pw.TextField(null=True)
    version = pw.BigIntegerField()
    upload_id = pw.UUIDField(null=True)
    client_retries = pw.IntegerField()
    callback_url = pw.TextField(null=True)
    submitted_by = pw.TextField(null=True)
    canceled_by = pw.TextField(null=True)
    queue = pw.TextField()
    traceparent = pw.TextField(null=True)
    first_runner = pw.TextField(null=True)
    """The runner of the first attempt, unless the previous release began it."""
    first_outcome = pw.TextField(null=True)
    """How the first attempt ended; only set if its end made the job final. Then the row of the job
    has all of the attempt: `started_at`, `finished_at`, `error` and the columns `first_…`."""
    first_cpu_seconds = pw.DoubleField(null=True)
    first_peak_memory_bytes = pw.BigIntegerField(null=True)
    first_pid = pw.IntegerField(null=True)
    first_traceback = pw.TextField(null=True)
    tags = pw.TextField(null=True)
    """A JSON list; null without tags. `TagRow` finds the jobs with a tag."""
    metadata = pw.TextField(null=True)
    keep_ms = pw.BigIntegerField(null=True)
    """How long the job is kept after its end; null if the settings of the worker decide."""
    expires_at = pw.BigIntegerField(null=True)
    """The job does not start at this time or later; null without one."""
    backoff = pw.TextField(null=True)
    """JSON: the waits before retries, see `storage/records/backoff.py`; null for the usual ones."""
    schedule = pw.TextField(null=True)
    nominal_at = pw.BigIntegerField(null=True)
    """The schedule that submitted the job, and for which time; null for other jobs."""
    predecessors = pw.TextField(null=True)
    """JSON: the jobs that it waits for, and what it does if one fails; null if it waits for none.
    `DependencyRow` has those that have not ended, `FollowerRow` has all."""
    due_at = pw.BigIntegerField(null=True)
    """The job's own time while it is held, see `storage/records/holds.py`."""
    holds = pw.SmallIntegerField(null=True)
    """What holds the job, as bits of `Hold`; null for a job that is not held."""
    watched = pw.SmallIntegerField(null=True)
    """What reacts to the end of the job, as bits of `Watch`; null if nothing does."""
    unique_key = pw.TextField(null=True)
    unique_scope = pw.TextField(null=True)
    """How long the job holds its unique key, see `storage/jobs/unique_keys.py`."""
    batch_id = pw.UUIDField(null=True)
    """The batch with which the job was submitted; null for a job that was submitted alone."""
    finish_by = pw.BigIntegerField(null=True)
    """The deadline: the job has to be final by this time; null without one."""
    missed_at = pw.BigIntegerField(null=True)
    """When it was recorded that the job was not final by `finish_by`; null otherwise."""
    concurrency_key = pw.TextField(null=True)
    max_per_key = pw.IntegerField(null=True)
    """How many jobs with the concurrency key may have a place, see `storage/waiting/places.py`."""
    file_count = pw.IntegerField(null=True)
    """How many files the job has left, see `JobFileRow`; null if none."""
    limits = pw.TextField(null=True)
    """JSON: the limits of the job by itself, see `storage/records/job_limits.py`; null without."""

    class Meta:
        table_name = "job"


class JobFileRow(pw.Model):
    """A file that a job has left; a trigger deletes it with its job, see migration 0045.

    `storage/records/job_file.py` describes the columns.
    """

    job_id = pw.UUIDField()
    name = pw.TextField()
    position = pw.IntegerField()
    size = pw.BigIntegerField()
    media_type = pw.TextField()
    sha256 = pw.TextField()
    file_id = pw.UUIDField()
    attempt = pw.IntegerField()

    class Meta:
        table_name = "job_file"
        primary_key = pw.CompositeKey("job_id", "name")


class TagRow(pw.Model):
    """A tag of a job; a trigger deletes it with its job, see migration 0031."""

    tag = pw.TextField()
    job_id = pw.UUIDField()

    class Meta:
        table_name = "job_tag"
        primary_key = pw.CompositeKey("tag", "job_id")


class BatchRow(pw.Model):
    """A batch: many jobs that were submitted by one call. Their ids follow its own."""

    id = pw.UUIDField(primary_key=True)
    last_id = pw.UUIDField()
    """The id of its last job."""
    created_at = pw.BigIntegerField()
    submitted_by = pw.TextField(null=True)
    size = pw.IntegerField()
    """The number of jobs that were stored."""
    refused = pw.IntegerField()
    """The number of jobs that were refused."""
    refusals = pw.TextField(null=True)
    """JSON: why jobs were refused; null without an idempotency key, with which it is asked for."""
    then_id = pw.UUIDField(null=True)
    """The job that runs when all its jobs have ended; null without one."""
    unfinished_id = pw.UUIDField(null=True)
    """A job of it that was not final at the last look, see `storage/waiting/batch_ends.py`."""
    names = pw.TextField(null=True)
    """JSON: the names of its jobs with their indexes; null without names."""

    class Meta:
        table_name = "batch"


class DependencyRow(pw.Model):
    """A job that a held job waits for; a trigger deletes it with that job, see migration 0039."""

    predecessor_id = pw.UUIDField()
    job_id = pw.UUIDField()
    cancels = pw.BooleanField()
    """Whether the job is canceled if the predecessor does not succeed."""
    passes = pw.BooleanField()
    """Whether the job gets the result of the predecessor."""

    class Meta:
        table_name = "dependency"
        primary_key = pw.CompositeKey("predecessor_id", "job_id")


class FollowerRow(pw.Model):
    """A job and one of the jobs in its `after`. A trigger adds it, and deletes it with the job."""

    predecessor_id = pw.UUIDField()
    job_id = pw.UUIDField()

    class Meta:
        table_name = "follower"
        primary_key = pw.CompositeKey("predecessor_id", "job_id")


class AttemptRow(pw.Model):
    """One run of a job. The first one has a row once the job is queued again, see `JobRow`."""

    job_id = pw.UUIDField()
    number = pw.IntegerField()
    runner = pw.TextField()
    started_at = pw.BigIntegerField()
    finished_at = pw.BigIntegerField(null=True)
    outcome = pw.TextField(null=True)
    error = pw.TextField(null=True)
    cpu_seconds = pw.DoubleField(null=True)
    peak_memory_bytes = pw.BigIntegerField(null=True)
    pid = pw.IntegerField(null=True)
    traceback = pw.TextField(null=True)

    class Meta:
        table_name = "attempt"
        primary_key = pw.CompositeKey("job_id", "number")


class EventRow(pw.Model):
    """The state of a job after one change; written by triggers, see migration 0007.

    `previous` is the version of the job's previous change.
    """

    version = pw.BigIntegerField(primary_key=True)
    job_id = pw.UUIDField()
    previous = pw.BigIntegerField(null=True)
    is_progress = pw.BooleanField()
    status = pw.TextField()
    attempt = pw.IntegerField()
    run_at = pw.BigIntegerField()
    started_at = pw.BigIntegerField(null=True)
    finished_at = pw.BigIntegerField(null=True)
    cancel_requested_at = pw.BigIntegerField(null=True)
    is_missed = pw.BooleanField(null=True)
    """Whether the change records that the job has missed its deadline; null otherwise."""

    class Meta:
        table_name = "event"


class OutputRow(pw.Model):
    """A piece of the output of an attempt."""

    version = pw.BigIntegerField(primary_key=True)
    job_id = pw.UUIDField()
    attempt = pw.IntegerField()
    position = pw.BigIntegerField()
    text = pw.BlobField()
    marks = pw.TextField(null=True)
    """The marks of the text as JSON, see `storage/records/output.py`."""

    class Meta:
        table_name = "output"


class KeyRow(pw.Model):
    """The idempotency key of a submission, and the job that was created for it."""

    key = pw.TextField(primary_key=True)
    fingerprint = pw.TextField()
    job_id = pw.UUIDField()

    class Meta:
        table_name = "submission_key"


class CallbackRow(pw.Model):
    """A final job whose client is to be notified; written by a trigger, see migration 0009."""

    job_id = pw.UUIDField(primary_key=True)
    due_at = pw.BigIntegerField()
    tries = pw.IntegerField()

    class Meta:
        table_name = "callback"


class ServiceCallbackRow(pw.Model):
    """A final job that a callback for all jobs must report, see `service_callbacks`."""

    name = pw.TextField()
    """The name of the callback in CALLBACKS_FILE."""
    job_id = pw.UUIDField()
    due_at = pw.BigIntegerField()
    tries = pw.IntegerField()

    class Meta:
        table_name = "service_callback"
        primary_key = pw.CompositeKey("name", "job_id")


class CallbackPositionRow(pw.Model):
    """The version up to which the ends of jobs are in the outbox of a callback for all jobs."""

    name = pw.TextField(primary_key=True)
    version = pw.BigIntegerField()

    class Meta:
        table_name = "callback_position"


class EndedRow(pw.Model):
    """A watched job that became final or was deleted; written by triggers, see migration 0034."""

    job_id = pw.UUIDField()
    deleted = pw.BooleanField()
    status = pw.TextField()
    """Its final status."""
    watched = pw.SmallIntegerField()
    """What has not reacted yet, as bits of `Watch`."""

    class Meta:
        table_name = "ended"
        primary_key = pw.CompositeKey("job_id", "deleted")


class RunnerRow(pw.Model):
    """A runner that is alive, or that no other runner has found dead yet."""

    name = pw.TextField(primary_key=True)
    slots = pw.IntegerField()
    started_at = pw.BigIntegerField()
    lease_expires_at = pw.BigIntegerField(null=True)
    renewed_at = pw.BigIntegerField(null=True)
    """When the lease was renewed last."""
    queues = pw.TextField(null=True)
    """Comma-separated names of the queues that it claims from; null means all."""
    limits = pw.TextField(null=True)
    """JSON: what its jobs may use, see `storage/records/job_limits.py`; null if an earlier release
    has registered it."""

    class Meta:
        table_name = "runner"


class QueueRow(pw.Model):
    """A queue and its settings."""

    name = pw.TextField(primary_key=True)
    max_running = pw.IntegerField(null=True)
    paused_at = pw.BigIntegerField(null=True)

    class Meta:
        table_name = "queue"


class PatternSetRow(pw.Model):
    """Patterns that are saved under a name, as JSON, and who has saved them."""

    name = pw.TextField(primary_key=True)
    patterns = pw.TextField()
    pattern_count = pw.IntegerField()
    description = pw.TextField()
    created_by = pw.TextField(null=True)
    changed_by = pw.TextField(null=True)
    created_at = pw.BigIntegerField()
    changed_at = pw.BigIntegerField()
    version = pw.IntegerField()

    class Meta:
        table_name = "pattern_set"


class ScheduleRow(pw.Model):
    """A schedule, see `storage/records/schedule.py`. JSON is stored as text."""

    name = pw.TextField(primary_key=True)
    type = pw.TextField()
    payload = pw.TextField()
    job_payload = pw.TextField(null=True)
    """The payload as its jobs get it; null if that is the submitted one."""
    options = pw.TextField()
    template = pw.TextField()
    cron = pw.TextField(null=True)
    every = pw.IntegerField(null=True)
    timezone = pw.TextField()
    missed = pw.TextField()
    overlap = pw.TextField()
    paused_at = pw.BigIntegerField(null=True)
    until = pw.BigIntegerField(null=True)
    next_at = pw.BigIntegerField(null=True)
    """The next nominal time; null while it is paused, and after its end."""
    anchor_at = pw.BigIntegerField()
    last_nominal_at = pw.BigIntegerField(null=True)
    last_job_id = pw.UUIDField(null=True)
    created_by = pw.TextField(null=True)
    changed_by = pw.TextField(null=True)
    created_at = pw.BigIntegerField()
    changed_at = pw.BigIntegerField()
    version = pw.IntegerField()

    class Meta:
        table_name = "schedule"


class FiringRow(pw.Model):
    """One nominal time of a schedule, or one run that a client asked for, and its outcome."""

    schedule = pw.TextField()
    nominal_at = pw.BigIntegerField()
    fired_at = pw.BigIntegerField()
    job_id = pw.UUIDField(null=True)
    outcome = pw.TextField()
    reason = pw.TextField(null=True)

    class Meta:
        table_name = "firing"
        primary_key = pw.CompositeKey("schedule", "nominal_at")


class CounterRow(pw.Model):
    """The value of one counter for one job type. All values only grow.

    The type is empty for the newest version, and for the values that describe all jobs.
    """

    type = pw.TextField()
    name = pw.TextField()
    value = pw.BigIntegerField()

    class Meta:
        table_name = "counter"
        primary_key = pw.CompositeKey("type", "name")


class MomentRow(pw.Model):
    """The counters of all job types together at one point in time."""

    at = pw.BigIntegerField(primary_key=True)
    submitted = pw.BigIntegerField()
    finished = pw.BigIntegerField()
    waits = pw.BigIntegerField()
    waited_ms = pw.BigIntegerField()

    class Meta:
        table_name = "moment"


class ReleaseRow(pw.Model):
    """The single row with the oldest release that works with the schema.

    A release works with it if it has the migration named `oldest`.
    """

    id = pw.IntegerField(primary_key=True)
    oldest = pw.TextField()

    class Meta:
        table_name = "schema_release"
