"""Random pipelines: batches whose jobs have names and wait for each other."""

import random
from typing import Any

MOST_STEPS = 8


def random_pipeline(chance: random.Random) -> list[dict[str, Any]]:
    """Return the jobs of a pipeline in any order; each waits for some of those before it."""
    jobs: list[dict[str, Any]] = []
    for number in range(chance.randint(2, MOST_STEPS)):
        payload = {
            "seconds": chance.choice([0.0, 0.0, 0.3, 2.0]),
            "again": 0.1,
            "fails": chance.choice([0, 0, 0, 1]),
            "child": "none",
            "files": 0,
        }
        job: dict[str, Any] = {"name": f"step-{number}", "type": "chaos", "payload": payload}
        job["max_retries"] = chance.randint(0, 4)
        if number:
            names = [each["name"] for each in jobs]
            job["after"] = chance.sample(names, chance.randint(1, min(3, number)))
            job["on_failure"] = chance.choice(["cancel", "cancel", "run"])
            if chance.random() < 0.5:
                job["input"] = {"from": job["after"][0]}
        jobs.append(job)
    chance.shuffle(jobs)
    return jobs


def with_ids(job: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return what a job of a pipeline waits for, with ids in the place of names."""
    given: dict[str, Any] = {"after": [names[each] for each in job.get("after", ())]}
    if "input" in job:
        given["input"] = {"from": names[job["input"]["from"]]}
    return {**job, **given}
