"""Stored JSON, also what a worker of an earlier release accepted from a job process."""

import json

import pytest

from storage.db.models import JobRow
from storage.jobs.rows import UNREADABLE, from_json_text
from storage.records.filters import Filters
from tests.support.stores import Bench


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '{"a":[1,2.5,null]}', "1e300", '"\\\\ud800"'])
def test_json_is_read(text: str) -> None:
    assert from_json_text(text) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["{", "", "NaN", "[-Infinity]", '"\\ud800"', '"\\uDC00"', "9" * 5000, "[" * 10**5]
)
def test_a_stored_result_that_is_no_json_hides_no_other_job(bench: Bench, text: str) -> None:
    broken, other = bench.enqueue(), bench.enqueue()
    with bench.store.database.transaction():
        bench.store.database.run(JobRow.update(result=text).where(JobRow.id == broken))
    found = {job.id: job.result for job in bench.jobs.list(Filters(), 10).jobs}
    assert found == {broken: UNREADABLE, other: None}
