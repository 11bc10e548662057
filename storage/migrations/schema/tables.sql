-- The tables and indexes of both databases. {id}, {rowid}, {bytes} and {keyed} differ between them, see
-- 0052_schema.py. A blank line ends a statement. Times are in milliseconds since 1970.

-- Files that clients sent, by their content.
CREATE TABLE upload (
    id {id} PRIMARY KEY,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL
);

CREATE INDEX upload_sha256 ON upload (sha256);

-- Jobs. `first_…` is the first attempt, as long as it is the only one. `due_at` and `holds`: a held job
-- waits for something else than its time; `watched`: its end goes into the table `ended`. `tags` and
-- `predecessors` are what was submitted; `job_tag` and `dependency` are searched.
CREATE TABLE job (
    id {id} PRIMARY KEY,
    type TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    payload TEXT NOT NULL,
    result TEXT,
    error TEXT,
    progress TEXT,
    attempt INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    timeout DOUBLE PRECISION,
    created_at BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    cancel_requested_at BIGINT,
    locked_by TEXT,
    version BIGINT NOT NULL,
    upload_id {id} REFERENCES upload (id),
    client_retries INTEGER NOT NULL DEFAULT 0,
    callback_url TEXT,
    submitted_by TEXT,
    canceled_by TEXT,
    queue TEXT NOT NULL DEFAULT 'default',
    traceparent TEXT,
    loss_count INTEGER NOT NULL DEFAULT 0,
    max_losses INTEGER NOT NULL DEFAULT 10,
    first_runner TEXT,
    first_outcome TEXT,
    first_cpu_seconds DOUBLE PRECISION,
    first_peak_memory_bytes BIGINT,
    first_pid INTEGER,
    first_traceback TEXT,
    tags TEXT,
    metadata TEXT,
    keep_ms BIGINT,
    expires_at BIGINT,
    backoff TEXT,
    due_at BIGINT,
    holds SMALLINT,
    watched SMALLINT,
    unique_key TEXT,
    unique_scope TEXT,
    batch_id {id},
    finish_by BIGINT,
    missed_at BIGINT,
    schedule TEXT,
    nominal_at BIGINT,
    predecessors TEXT,
    concurrency_key TEXT,
    max_per_key INTEGER,
    file_count INTEGER,
    limits TEXT,
    CHECK ((status = 'running') = (locked_by IS NOT NULL)),
    CHECK ((finished_at IS NULL) = (status IN ('queued', 'running')))
);

CREATE INDEX job_upload ON job (upload_id) WHERE upload_id IS NOT NULL;

CREATE INDEX job_unfinished ON job (status, queue, priority DESC, run_at, id, type, locked_by)
    WHERE finished_at IS NULL;

-- All jobs have a type. The condition keeps PostgreSQL from searching the whole index for an id, which
-- it may take for cheap as long as there are few jobs.
CREATE INDEX job_type ON job (type, id) WHERE type <> '';

CREATE INDEX job_unsuccessful ON job (type, status, id) WHERE status IN ('failed', 'canceled');

-- Indexes for jobs with an option have only these jobs, so no other job costs the time to enter them.
CREATE INDEX job_keep ON job ((finished_at + keep_ms)) WHERE keep_ms IS NOT NULL;

CREATE INDEX job_expires ON job (expires_at) WHERE expires_at IS NOT NULL AND status = 'queued';

-- The database itself refuses a second holder of a key. `HOLDS_KEY` in storage/jobs/unique_keys.py
-- repeats the condition word for word.
CREATE UNIQUE INDEX job_unique_key ON job (unique_key)
    WHERE unique_key IS NOT NULL AND (unique_scope = 'final'
    OR unique_scope = 'running' AND status IN ('queued', 'running')
    OR status = 'queued' AND attempt = 0);

-- A job leaves this index when it ends in time, or when it is recorded that it did not.
CREATE INDEX job_finish_by ON job (finish_by)
    WHERE finish_by IS NOT NULL AND missed_at IS NULL
    AND (finished_at IS NULL OR finished_at > finish_by);

CREATE INDEX job_by_schedule ON job (schedule, id) WHERE schedule IS NOT NULL;

-- `type` and `queue` let filters pass over other jobs without reading them.
CREATE INDEX job_failed ON job (finished_at, id, type, queue) WHERE status = 'failed';

-- storage/waiting repeats these three conditions word for word.
CREATE INDEX job_key_placed ON job (concurrency_key)
    WHERE concurrency_key IS NOT NULL AND finished_at IS NULL AND holds IS NULL;

CREATE INDEX job_key_waiting ON job (concurrency_key, priority DESC, due_at, id)
    WHERE concurrency_key IS NOT NULL AND finished_at IS NULL AND holds = 2;

CREATE INDEX job_key_later ON job (due_at)
    WHERE concurrency_key IS NOT NULL AND finished_at IS NULL AND holds >= 64;

CREATE INDEX job_submitted_by ON job (submitted_by, id) WHERE submitted_by IS NOT NULL;

-- Attempts from the second one on.
CREATE TABLE attempt (
    job_id {id} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    runner TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    outcome TEXT,
    error TEXT,
    cpu_seconds DOUBLE PRECISION,
    peak_memory_bytes BIGINT,
    pid INTEGER,
    traceback TEXT,
    PRIMARY KEY (job_id, number)
);

-- Changes of jobs, written by triggers. Each event names the previous one of its job, so all are found
-- from the newest. Only the newest progress of a job is kept.
CREATE TABLE event (
    version {rowid} PRIMARY KEY,
    job_id {id} NOT NULL,
    previous BIGINT,
    is_progress BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    run_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    cancel_requested_at BIGINT,
    is_missed BOOLEAN
);

-- What attempts print, in pieces.
CREATE TABLE output (
    version {rowid} PRIMARY KEY,
    job_id {id} NOT NULL,
    attempt INTEGER NOT NULL,
    position BIGINT NOT NULL,
    text {bytes} NOT NULL,
    marks TEXT
);

CREATE UNIQUE INDEX output_of_attempt ON output (job_id, attempt, position);

-- The outbox of the callbacks of jobs.
CREATE TABLE callback (
    job_id {id} PRIMARY KEY,
    due_at BIGINT NOT NULL,
    tries INTEGER NOT NULL
);

CREATE INDEX callback_due ON callback (due_at);

-- The outbox of callbacks for all jobs, and up to which version the ends of jobs are in it. A listener
-- fills it from the events.
CREATE TABLE service_callback (
    name TEXT NOT NULL,
    job_id {id} NOT NULL,
    due_at BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (name, job_id)
);

CREATE INDEX service_callback_due ON service_callback (due_at);

CREATE TABLE callback_position (
    name TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);

-- Idempotency keys. The reference is deferred, because a key is stored before its job.
CREATE TABLE submission_key (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    job_id {id} NOT NULL REFERENCES job (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX submission_key_job ON submission_key (job_id);

-- Counters, and with the type '' the newest version. Each transaction changes this small table.
CREATE TABLE counter (
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    base BIGINT,
    PRIMARY KEY (type, name)
) {keyed};

-- The counters at moments of the last hour, for charts.
CREATE TABLE moment (
    at BIGINT PRIMARY KEY,
    submitted BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    waits BIGINT NOT NULL,
    waited_ms BIGINT NOT NULL
);

-- Running workers, and when their leases end (on PostgreSQL).
CREATE TABLE runner (
    name TEXT PRIMARY KEY,
    slots INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    lease_expires_at BIGINT,
    queues TEXT,
    renewed_at BIGINT,
    limits TEXT
);

-- Workers whose leases have ended, for a day.
CREATE TABLE lost_runner (
    name TEXT NOT NULL PRIMARY KEY,
    slots INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    queues TEXT,
    heard_at BIGINT,
    lost_at BIGINT NOT NULL,
    queued_again INTEGER NOT NULL,
    ended INTEGER NOT NULL
);

CREATE TABLE queue (
    name TEXT PRIMARY KEY,
    max_running INTEGER,
    paused_at BIGINT
);

CREATE TABLE job_tag (
    tag TEXT NOT NULL,
    job_id {id} NOT NULL,
    PRIMARY KEY (tag, job_id)
) {keyed};

CREATE TABLE job_file (
    job_id {id} NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    size BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    file_id {id} NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (job_id, name)
) {keyed};

CREATE INDEX job_file_sha256 ON job_file (sha256);

-- Jobs that one call submitted: those whose ids lie from `id` to `last_id`.
CREATE TABLE batch (
    id {id} PRIMARY KEY,
    last_id {id} NOT NULL,
    created_at BIGINT NOT NULL,
    submitted_by TEXT,
    size INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    refusals TEXT,
    then_id {id},
    unfinished_id {id}
);

CREATE INDEX batch_then ON batch (then_id) WHERE then_id IS NOT NULL;

-- A row for each predecessor of a job that has not ended yet.
CREATE TABLE dependency (
    predecessor_id {id} NOT NULL,
    job_id {id} NOT NULL,
    cancels BOOLEAN NOT NULL,
    passes BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (predecessor_id, job_id)
) {keyed};

CREATE INDEX dependency_job ON dependency (job_id);

-- The outbox of watched jobs that have ended or were deleted.
CREATE TABLE ended (
    job_id {id} NOT NULL,
    deleted BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    watched SMALLINT NOT NULL,
    PRIMARY KEY (job_id, deleted)
) {keyed};

-- Parts of jobs that are split.
CREATE TABLE part (
    job_id {id} NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'ending', 'ended', 'failed', 'done')),
    spec TEXT NOT NULL,
    progress TEXT NOT NULL,
    runner TEXT,
    tries INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    result TEXT,
    error TEXT,
    cpu_seconds DOUBLE PRECISION,
    peak_memory_bytes BIGINT,
    PRIMARY KEY (job_id, number),
    CHECK ((status IN ('running', 'ending')) = (runner IS NOT NULL))
);

CREATE INDEX part_queued ON part (job_id, number) WHERE status = 'queued';

CREATE INDEX part_running ON part (runner) WHERE runner IS NOT NULL;

CREATE TABLE schedule (
    name TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    job_payload TEXT,
    options TEXT NOT NULL,
    template TEXT NOT NULL,
    cron TEXT,
    every INTEGER,
    timezone TEXT NOT NULL,
    missed TEXT NOT NULL,
    overlap TEXT NOT NULL,
    paused_at BIGINT,
    until BIGINT,
    next_at BIGINT,
    anchor_at BIGINT NOT NULL,
    last_nominal_at BIGINT,
    last_job_id {id},
    created_by TEXT,
    changed_by TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL
);

CREATE INDEX schedule_next ON schedule (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE firing (
    schedule TEXT NOT NULL,
    nominal_at BIGINT NOT NULL,
    fired_at BIGINT NOT NULL,
    job_id {id},
    outcome TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (schedule, nominal_at)
) {keyed};

CREATE TABLE pattern_set (
    name TEXT PRIMARY KEY,
    patterns TEXT NOT NULL,
    pattern_count INTEGER NOT NULL,
    description TEXT NOT NULL,
    created_by TEXT,
    changed_by TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL
);

CREATE TABLE audit (
    id {id} PRIMARY KEY,
    at BIGINT NOT NULL,
    caller TEXT,
    address TEXT,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT
) {keyed};

CREATE INDEX audit_subject ON audit (subject, id);

CREATE TABLE token_use (
    name TEXT NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL,
    address TEXT NOT NULL
);

-- The oldest release that works with the schema, by the last migration that it must have.
CREATE TABLE schema_release (
    id INTEGER PRIMARY KEY,
    oldest TEXT NOT NULL
);

INSERT INTO counter (type, name, value) VALUES ('', 'version', 0), ('', 'version id_skew_ms', 0);

INSERT INTO queue (name) VALUES ('default');

INSERT INTO schema_release (id, oldest) VALUES (1, '0025_counter');
