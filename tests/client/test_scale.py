"""`client.scale` of both clients, against a real service."""

from datetime import timedelta
from uuid import uuid4

import pytest

from jobservice import ApiError, Client


def test_the_slots_wanted_are_read(api: Client) -> None:
    name = f"q{uuid4().hex[:8]}"
    api.put_queue(name, max_running=2)
    jobs = [api.submit("sleep", {"seconds": 600}, queue=name, delay=60) for _ in range(3)]
    assert api.scale([name]).slots_wanted == 0
    found = api.scale([name], within=timedelta(minutes=2))
    (queue,) = found.queues
    assert (queue.name, queue.due, queue.not_startable, queue.slots_wanted) == (name, 3, 1, 2)
    assert (found.slots_wanted, found.parts, found.schedules) == (2, 0, 0)
    assert [found.workers(slots) for slots in (1, 2, 3)] == [2, 1, 1]
    assert {"default", name} <= {each.name for each in api.scale().queues}
    for job in jobs:
        job.cancel()


def test_an_unknown_queue_is_refused(api: Client) -> None:
    with pytest.raises(ApiError) as caught:
        api.scale(["none"])
    assert (caught.value.status, caught.value.field) == (422, "queue")
