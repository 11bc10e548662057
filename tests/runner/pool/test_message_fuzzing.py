"""Mutated messages of a job process are refused, or are as good as honest ones."""

import json
from collections import Counter
from random import Random

import pytest

from runner.pool.protocol import answers, messages
from runner.pool.protocol.answers import read_outcome
from storage.records.attempt_outcome import AttemptOutcome
from tests.support.pool import forgeries, pools
from tests.support.pool.pools import open_pool

NONCE = "0123456789abcdef" * 2
MAX_RESULT_BYTES = 1000


def check_storable(accepted: str | AttemptOutcome) -> None:
    """Check that progress or an answer that the keeper accepted passes the pool as well, and can be
    stored and shown."""
    if isinstance(accepted, str):
        assert isinstance(json.loads(accepted), dict)
        return
    outcome = accepted._asdict()
    result, traceback = outcome.pop("result"), outcome.pop("traceback")
    text = traceback if result is None else result
    body = None if text is None else text.encode()
    end = read_outcome(messages.Message({"outcome": outcome}, body), MAX_RESULT_BYTES)
    assert 0 <= (end.peak_memory_bytes or 0) < 2**63
    shown = [json.loads(end.result or "null"), *end[2:]]
    text = json.dumps(shown, allow_nan=False, ensure_ascii=False)
    assert "\0" not in text.encode().decode()


@pytest.mark.heavy
def test_no_mutated_message_does_harm() -> None:
    random, seen = Random(23), Counter[str]()
    for _ in range(100_000):
        packet = forgeries.mutation(random, NONCE)
        try:
            answer = answers.read_answer(messages.decode(packet), NONCE, MAX_RESULT_BYTES)
            accepted = answer if isinstance(answer, str) else answer[0]
        except ValueError:
            seen["refused"] += 1
            continue
        check_storable(accepted)
        seen["progress" if isinstance(accepted, str) else accepted.kind] += 1
    assert min(seen.values()) > 1000, seen
    assert set(seen) == {"refused", "progress", "returned", "raised", "out_of_memory"}


@pytest.mark.heavy
def test_no_mutated_message_of_a_process_harms_its_keeper_or_neighbours() -> None:
    seen = Counter[str]()
    with open_pool(2, forgeries.load) as owner:
        neighbour, (pid,) = owner.start("sleep", seconds=600)
        keepers = {pools.parent(pid), pools.parent(owner.value("pid"))}
        for seed in range(300):
            seen[owner.run("send_mutation", seed=seed).kind] += 1
        assert {pools.parent(pid), pools.parent(owner.value("pid"))} == keepers
        assert owner.kill(neighbour).kind == "killed"
    assert set(seen) <= {"crashed", "returned", "raised", "out_of_memory", "lost"}, seen
    assert seen["crashed"] > 50
