"""The checker of chaos runs finds ends that were not told, and callbacks of no end."""

import json
from http.client import HTTPConnection

import pytest

from tests.system.chaos.callbacks import Delivery, Receiver, check_callbacks
from tests.system.chaos.history import Acknowledged, Change

TOLD = Delivery("a-7", "a", "succeeded", True)
REFUSED = Delivery("a-7", "a", "succeeded", False)
FIRST = Delivery("a-5", "a", "failed", True)


def change(status: str, version: int) -> Change:
    return Change("update", "a", status, 1, None, 0, 1, False, version)


@pytest.mark.parametrize(
    ("deliveries", "found"),
    [
        ([FIRST, TOLD], 0),
        ([REFUSED, TOLD, TOLD], 0),
        ([TOLD], 0),
        ([], 1),
        ([FIRST], 1),
        ([REFUSED], 1),
        ([TOLD, Delivery("a-6", "a", "queued", True)], 1),
        ([TOLD, Delivery("a-7", "a", "failed", True)], 1),
    ],
)
def test_the_last_end_of_each_job_is_told_and_nothing_else(
    deliveries: list[Delivery], found: int
) -> None:
    changes = [change("failed", 5), change("queued", 6), change("succeeded", 7)]
    acknowledged = [Acknowledged("a", "chaos", 1, has_callback=True), Acknowledged("b", "chaos", 1)]
    violations = list(check_callbacks(deliveries, acknowledged, changes))
    assert [each.promise for each in violations] == ["P21"] * found


def test_the_receiver_records_what_it_accepts() -> None:
    receiver = Receiver("127.0.0.1", seed=1)
    try:
        body = json.dumps({"data": {"job_id": "a", "status": "succeeded"}})
        connection = HTTPConnection(receiver.host, timeout=10)
        connection.request("POST", "/", body, {"webhook-id": "a-7"})
        accepted = connection.getresponse().status == 204
        connection.close()
    finally:
        receiver.stop()
    assert receiver.deliveries == [Delivery("a-7", "a", "succeeded", accepted)]
