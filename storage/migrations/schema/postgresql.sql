-- The storage parameters and triggers on PostgreSQL. Statements of many rows have one trigger each: a
-- trigger for each row takes as long as the change of the row itself, and PostgreSQL plans its
-- condition anew for each statement.

-- Tables that change with each job are vacuumed often.
ALTER TABLE job SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_analyze_threshold = 2000);

ALTER TABLE event SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_analyze_threshold = 2000);

ALTER TABLE callback SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_analyze_threshold = 2000);

ALTER TABLE attempt SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02,
    autovacuum_analyze_threshold = 2000, fillfactor = 70);

ALTER TABLE runner SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 1000, fillfactor = 50);

-- Few rows per page, so that old versions of the rows have room until they are pruned, and no change
-- touches the index.
ALTER TABLE counter SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000);

-- Most of the time the table is empty; its dead rows would slow down each look.
ALTER TABLE ended SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Finds the first due job of a queue.
CREATE INDEX job_run_at ON job (queue, run_at) WHERE status = 'queued';

CREATE FUNCTION job_inserted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT after.version, after.id, NULL, FALSE, after.status, after.attempt,
    after.run_at, after.started_at, after.finished_at, after.cancel_requested_at FROM after;
PERFORM pg_notify('job_service_events', '');
RETURN NULL;
END $$;

CREATE TRIGGER job_inserted AFTER INSERT ON job REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION job_inserted();

CREATE FUNCTION job_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE count BIGINT; BEGIN
INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at, started_at,
    finished_at, cancel_requested_at)
SELECT after.version, after.id, before.version, FALSE, after.status, after.attempt,
    after.run_at, after.started_at, after.finished_at, after.cancel_requested_at FROM after
    FULL JOIN before ON before.id = after.id
    WHERE (after.status, after.attempt, after.run_at, after.cancel_requested_at)
    IS DISTINCT FROM (before.status, before.attempt, before.run_at, before.cancel_requested_at);
GET DIAGNOSTICS count = ROW_COUNT;
IF count < (SELECT COUNT(*) FROM after) THEN
    UPDATE event SET version = after.version FROM after JOIN before ON before.id = after.id
        WHERE event.version = before.version AND event.is_progress
        AND (after.status, after.attempt, after.run_at, after.cancel_requested_at)
        IS NOT DISTINCT FROM
        (before.status, before.attempt, before.run_at, before.cancel_requested_at);
    INSERT INTO event (version, job_id, previous, is_progress, status, attempt, run_at,
        started_at, finished_at, cancel_requested_at)
    SELECT after.version, after.id, before.version, TRUE, after.status, after.attempt,
        after.run_at, after.started_at, after.finished_at, after.cancel_requested_at FROM after
        JOIN before ON before.id = after.id
        WHERE (after.status, after.attempt, after.run_at, after.cancel_requested_at)
        IS NOT DISTINCT FROM
        (before.status, before.attempt, before.run_at, before.cancel_requested_at)
        AND NOT EXISTS (SELECT 1 FROM event WHERE version = after.version);
END IF;
IF EXISTS (SELECT 1 FROM after WHERE finished_at IS NOT NULL
    AND (callback_url IS NOT NULL OR upload_id IS NOT NULL OR watched IS NOT NULL))
THEN
    INSERT INTO callback (job_id, due_at, tries)
        SELECT after.id, after.finished_at, 0 FROM after JOIN before ON before.id = after.id
        WHERE after.callback_url IS NOT NULL
        AND after.finished_at IS NOT NULL AND before.finished_at IS NULL
        ON CONFLICT (job_id) DO UPDATE SET due_at = EXCLUDED.due_at, tries = 0;
    DELETE FROM part USING after WHERE part.job_id = after.id AND after.finished_at IS NOT NULL;
    INSERT INTO ended (job_id, deleted, status, watched)
        SELECT after.id, FALSE, after.status, after.watched FROM after
        JOIN before ON before.id = after.id
        WHERE after.watched IS NOT NULL
        AND after.finished_at IS NOT NULL AND before.finished_at IS NULL
        ON CONFLICT (job_id, deleted) DO UPDATE
        SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
    IF FOUND THEN
        PERFORM pg_notify('job_service_worker', '');
    END IF;
END IF;
PERFORM pg_notify('job_service_events', '');
RETURN NULL;
END $$;

CREATE TRIGGER job_changed AFTER UPDATE ON job REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION job_changed();

CREATE FUNCTION event_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM event WHERE version IN (
    WITH RECURSIVE chain (version) AS (
        SELECT OLD.version
        UNION ALL
        SELECT event.previous FROM event JOIN chain ON event.version = chain.version
        WHERE event.previous IS NOT NULL
    ) SELECT version FROM chain
);
PERFORM pg_notify('job_service_events', '');
RETURN NULL;
END $$;

CREATE TRIGGER event_delete AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION event_delete();

CREATE FUNCTION output_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM output WHERE job_id = OLD.id;
RETURN NULL;
END $$;

CREATE TRIGGER output_delete AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION output_delete();

CREATE FUNCTION callback_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM callback WHERE job_id = OLD.id;
RETURN NULL;
END $$;

CREATE TRIGGER callback_delete AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.callback_url IS NOT NULL) EXECUTE FUNCTION callback_delete();

CREATE FUNCTION job_tag_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM job_tag WHERE job_id = OLD.id
    AND tag IN (SELECT json_array_elements_text(OLD.tags::json));
RETURN NULL;
END $$;

CREATE TRIGGER job_tag_delete AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.tags IS NOT NULL) EXECUTE FUNCTION job_tag_delete();

CREATE FUNCTION job_file_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM job_file WHERE job_id = OLD.id;
RETURN NULL;
END $$;

CREATE TRIGGER job_file_delete AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.file_count IS NOT NULL) EXECUTE FUNCTION job_file_delete();

CREATE FUNCTION dependency_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
DELETE FROM dependency WHERE job_id = OLD.id;
RETURN NULL;
END $$;

CREATE TRIGGER dependency_delete AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.predecessors IS NOT NULL) EXECUTE FUNCTION dependency_delete();

CREATE FUNCTION ended_deleted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO ended (job_id, deleted, status, watched)
    VALUES (OLD.id, TRUE, OLD.status, OLD.watched)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
RETURN NULL;
END $$;

CREATE TRIGGER ended_deleted AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.watched IS NOT NULL) EXECUTE FUNCTION ended_deleted();

-- A held job stays held when a program changes its `run_at`: the new time goes into `due_at`. To
-- release the job, a program sets `due_at` to NULL in the same statement.
CREATE FUNCTION held_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
NEW.due_at = NEW.run_at;
NEW.run_at = 253402300799999;
RETURN NEW;
END $$;

CREATE TRIGGER held_keep BEFORE UPDATE OF run_at ON job FOR EACH ROW
    WHEN (OLD.due_at IS NOT NULL AND NEW.due_at IS NOT NULL AND OLD.run_at = 253402300799999
    AND OLD.status = 'queued' AND NEW.status = 'queued') EXECUTE FUNCTION held_keep();

-- A retried job with a concurrency key waits for a place again.
CREATE FUNCTION key_retried() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
NEW.due_at = NEW.run_at;
NEW.run_at = 253402300799999;
NEW.holds = 2;
INSERT INTO ended (job_id, deleted, status, watched) VALUES (NEW.id, FALSE, NEW.status, 2)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
RETURN NEW;
END $$;

CREATE TRIGGER key_retried BEFORE UPDATE OF status ON job FOR EACH ROW
    WHEN (NEW.concurrency_key IS NOT NULL AND OLD.finished_at IS NOT NULL
    AND NEW.finished_at IS NULL) EXECUTE FUNCTION key_retried();

-- A job that begins to wait for a place gets one that is free.
CREATE FUNCTION key_waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO ended (job_id, deleted, status, watched) VALUES (NEW.id, FALSE, NEW.status, 2)
    ON CONFLICT (job_id, deleted) DO UPDATE
    SET status = EXCLUDED.status, watched = ended.watched | EXCLUDED.watched;
RETURN NEW;
END $$;

CREATE TRIGGER key_waits BEFORE UPDATE OF holds ON job FOR EACH ROW
    WHEN (NEW.concurrency_key IS NOT NULL AND NEW.holds = 2 AND OLD.holds <> 2)
    EXECUTE FUNCTION key_waits();

CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
RAISE EXCEPTION 'entries of the audit log cannot be changed';
END $$;

CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit FOR EACH ROW
    EXECUTE FUNCTION audit_is_final();
