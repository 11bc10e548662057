-- The triggers on SQLite, which compiles them into each prepared statement.

CREATE TRIGGER event_insert AFTER INSERT ON job FOR EACH ROW BEGIN
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT NEW.version, NEW.id, NULL, FALSE, NEW.status, NEW.attempt, NEW.run_at,
    NEW.started_at, NEW.finished_at, NEW.cancel_requested_at;
END;

-- UPDATE statements for progress do not set the status; all others do.
CREATE TRIGGER event_status AFTER UPDATE OF status ON job FOR EACH ROW BEGIN
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT NEW.version, NEW.id, OLD.version, FALSE, NEW.status, NEW.attempt, NEW.run_at,
    NEW.started_at, NEW.finished_at, NEW.cancel_requested_at;
END;

CREATE TRIGGER event_progress AFTER UPDATE OF progress ON job FOR EACH ROW
WHEN (NEW.status = OLD.status) BEGIN
UPDATE event SET version = NEW.version WHERE version = OLD.version AND is_progress;
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT NEW.version, NEW.id, OLD.version, TRUE, NEW.status, NEW.attempt, NEW.run_at,
    NEW.started_at, NEW.finished_at, NEW.cancel_requested_at
    WHERE NOT EXISTS (SELECT 1 FROM event WHERE version = NEW.version);
END;

CREATE TRIGGER event_delete AFTER DELETE ON job FOR EACH ROW BEGIN
DELETE FROM event WHERE version IN (
    WITH RECURSIVE chain (version) AS (
        SELECT OLD.version
        UNION ALL
        SELECT event.previous FROM event JOIN chain ON event.version = chain.version
        WHERE event.previous IS NOT NULL
    ) SELECT version FROM chain
);
END;

CREATE TRIGGER output_delete AFTER DELETE ON job BEGIN
DELETE FROM output WHERE job_id = OLD.id;
END;

CREATE TRIGGER callback_final AFTER UPDATE OF status ON job FOR EACH ROW
WHEN (NEW.callback_url IS NOT NULL AND NEW.finished_at IS NOT NULL) BEGIN
INSERT INTO callback (job_id, due_at, tries) VALUES (NEW.id, NEW.finished_at, 0)
    ON CONFLICT (job_id) DO UPDATE SET due_at = NEW.finished_at, tries = 0;
END;

CREATE TRIGGER callback_delete AFTER DELETE ON job FOR EACH ROW
WHEN (OLD.callback_url IS NOT NULL) BEGIN
DELETE FROM callback WHERE job_id = OLD.id;
END;

CREATE TRIGGER part_final AFTER UPDATE OF status ON job FOR EACH ROW
WHEN (NEW.upload_id IS NOT NULL AND NEW.finished_at IS NOT NULL) BEGIN
DELETE FROM part WHERE job_id = NEW.id;
END;

CREATE TRIGGER job_tag_delete AFTER DELETE ON job FOR EACH ROW WHEN (OLD.tags IS NOT NULL) BEGIN
DELETE FROM job_tag WHERE job_id = OLD.id AND tag IN (SELECT value FROM json_each(OLD.tags));
END;

CREATE TRIGGER job_file_delete AFTER DELETE ON job FOR EACH ROW
WHEN (OLD.file_count IS NOT NULL) BEGIN
DELETE FROM job_file WHERE job_id = OLD.id;
END;

CREATE TRIGGER dependency_delete AFTER DELETE ON job FOR EACH ROW
WHEN (OLD.predecessors IS NOT NULL) BEGIN
DELETE FROM dependency WHERE job_id = OLD.id;
END;

CREATE TRIGGER ended_final AFTER UPDATE OF status ON job FOR EACH ROW
WHEN (NEW.watched IS NOT NULL AND NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL) BEGIN
INSERT INTO ended (job_id, deleted, status, watched)
    VALUES (NEW.id, FALSE, NEW.status, NEW.watched)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
END;

CREATE TRIGGER ended_deleted AFTER DELETE ON job FOR EACH ROW WHEN (OLD.watched IS NOT NULL) BEGIN
INSERT INTO ended (job_id, deleted, status, watched)
    VALUES (OLD.id, TRUE, OLD.status, OLD.watched)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
END;

-- A held job stays held when a program changes its `run_at`: the new time goes into `due_at`. To
-- release the job, a program sets `due_at` to NULL in the same statement.
CREATE TRIGGER held_keep AFTER UPDATE OF run_at ON job FOR EACH ROW
WHEN (OLD.due_at IS NOT NULL AND NEW.due_at IS NOT NULL AND OLD.run_at = 253402300799999
    AND OLD.status = 'queued' AND NEW.status = 'queued') BEGIN
UPDATE job SET due_at = NEW.run_at, run_at = 253402300799999 WHERE id = NEW.id;
END;

-- A retried job with a concurrency key waits for a place again.
CREATE TRIGGER key_retried AFTER UPDATE OF status ON job FOR EACH ROW
WHEN (NEW.concurrency_key IS NOT NULL AND OLD.finished_at IS NOT NULL
    AND NEW.finished_at IS NULL) BEGIN
UPDATE job SET due_at = NEW.run_at, run_at = 253402300799999, holds = 2 WHERE id = NEW.id;
INSERT INTO ended (job_id, deleted, status, watched) VALUES (NEW.id, FALSE, NEW.status, 2)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
END;

-- A job that begins to wait for a place gets one that is free.
CREATE TRIGGER key_waits AFTER UPDATE OF holds ON job FOR EACH ROW
WHEN (NEW.concurrency_key IS NOT NULL AND NEW.holds = 2 AND OLD.holds <> 2) BEGIN
INSERT INTO ended (job_id, deleted, status, watched) VALUES (NEW.id, FALSE, NEW.status, 2)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
END;

CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN
SELECT RAISE(ABORT, 'entries of the audit log cannot be changed');
END;
