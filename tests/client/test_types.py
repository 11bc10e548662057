"""`client.types` of both clients, against a real service."""

import pytest

from jobservice import ApiError, Client


def test_job_types_are_listed_and_shown(api: Client) -> None:
    found = api.types.list()
    assert found.broken == ()
    names = [each.name for each in found.types]
    assert names == sorted(names)
    sleep = next(each for each in found.types if each.name == "sleep")
    assert (sleep.origin, sleep.upload, sleep.isolation) == ("built-in", "none", "caller")
    assert "seconds" in sleep.payload_schema["properties"]
    assert api.types.get("sleep") == sleep
    assert sorted(api.types()) == names


def test_an_unknown_job_type_is_not_found(api: Client) -> None:
    with pytest.raises(ApiError) as caught:
        api.types.get("no such/type")
    assert (caught.value.status, caught.value.code) == (404, "type_not_found")
