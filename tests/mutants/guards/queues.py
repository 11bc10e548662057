"""Guards of queues."""

from tests.mutants.mutant import Mutant

QUEUES_TESTS = ("tests/storage/jobs/test_queues.py",)
API = ("tests/server/api/test_queues.py",)
SCALE = ("tests/storage/queries/test_scale.py",)

QUEUES = (
    Mutant(
        "a full queue starts no job",
        "storage/jobs/open_queues.py",
        "[queue for queue in selected if queue.room_for(1)]",
        "selected",
        QUEUES_TESTS,
    ),
    Mutant(
        "a claim takes no more jobs than the queue's limit allows",
        "storage/claiming/candidates.py",
        "queue.room_for(query.limit)",
        "query.limit",
        QUEUES_TESTS,
    ),
    Mutant(
        "a claim takes no more of a recent queue than its limit allows",
        "storage/claiming/candidates.py",
        " if room == query.limit else None",
        "",
        QUEUES_TESTS,
    ),
    Mutant(
        "a paused queue starts no job",
        "storage/jobs/open_queues.py",
        "QUEUE.paused_at.is_null(), *is_registered",
        "*is_registered",
        QUEUES_TESTS,
    ),
    Mutant(
        "a runner takes jobs only from its queues",
        "storage/jobs/open_queues.py",
        "if queues is None or queue.name in queues",
        "",
        QUEUES_TESTS,
    ),
    Mutant(
        "jobs of all queues are claimed in one order",
        "storage/claiming/candidates.py",
        "sorted(due, key=_claim_order)",
        "due",
        QUEUES_TESTS,
    ),
    Mutant(
        "a job of a limited queue is not prefetched",
        "storage/claiming/candidates.py",
        'if row["queue"] not in limited',
        "",
        QUEUES_TESTS,
    ),
    Mutant(
        "other runners learn of room in a limited queue",
        "storage/claims.py",
        "if candidates.is_truncated and _is_room_left(candidates, now, rows):",
        "if False:",
        QUEUES_TESTS,
    ),
    Mutant(
        "a job needs an existing queue",
        "storage/store.py",
        "        if job.queue not in queues:\n",
        "        if False:\n",
        QUEUES_TESTS,
    ),
    Mutant(
        "a queue with jobs is not deleted",
        "storage/jobs/queues.py",
        "name == DEFAULT_QUEUE or self._is_in_use(name)",
        "name == DEFAULT_QUEUE",
        QUEUES_TESTS,
    ),
    Mutant(
        "the default queue is not deleted",
        "storage/jobs/queues.py",
        "name == DEFAULT_QUEUE or self._is_in_use(name)",
        "self._is_in_use(name)",
        API,
    ),
    Mutant(
        "a retried job creates its queue again",
        "storage/jobs/transitions.py",
        '        self._database.change(restore, {"id": job_id})\n',
        "",
        QUEUES_TESTS,
    ),
    Mutant(
        "a queue is not deleted while a job enters it",
        "storage/store.py",
        "            self._database.next_version(0)  # so that no one",
        "            # so that no one",
        QUEUES_TESTS,
    ),
    Mutant(
        "the number of queues is limited",
        "storage/jobs/queues.py",
        ">= MAX_QUEUES:",
        ">= 10 * MAX_QUEUES:",
        QUEUES_TESTS,
    ),
    Mutant(
        "PUT replaces all settings of a queue",
        "server/api/queues.py",
        "settings = read_document(QueueBody, self.json_document()).model_dump()",
        "settings = read_document(QueueBody, self.json_document()).model_dump(exclude_unset=True)",
        API,
    ),
    Mutant(
        "a queue is changed only if its conditions hold",
        "storage/jobs/queues.py",
        "            if check:\n                check(self.get(name))\n            yield",
        "            yield",
        API,
    ),
    Mutant(
        "a queue is deleted only if its conditions hold",
        "storage/jobs/queues.py",
        "            if check:\n                check(self.get(name))\n            deleted",
        "            deleted",
        API,
    ),
    Mutant(
        "the counts of a queue do not stop a change of its settings",
        "server/api/queues.py",
        """conditions.with_tags(lambda tag: _COUNTS_PART.sub('"', tag))""",
        "conditions",
        API,
    ),
    Mutant(
        "an impossible queue name is not looked up",
        "server/api/queues.py",
        "if not (is_queue_name(name) and self.caller.sees_queue(name)):",
        "if not self.caller.sees_queue(name):",
        API,
    ),
    Mutant(
        "jobs of a paused queue want no slot",
        "storage/queries/scale.py",
        "        if self.queue.paused:\n            return 0\n",
        "",
        SCALE,
    ),
    Mutant(
        "jobs above the limit of their queue want no slot",
        "storage/queries/scale.py",
        "return self.due if limit is None else min(self.due, max(0, limit - self.queue.running))",
        "return self.due if limit is None else min(self.due, limit)",
        SCALE,
    ),
    Mutant(
        "a stale worker has no slots",
        "storage/queries/scale.py",
        "        if not each.is_stale and (names",
        "        if (names",
        SCALE,
    ),
)
