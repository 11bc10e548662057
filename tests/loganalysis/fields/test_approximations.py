"""Approximations stay within their stated error, on a thousand random streams."""

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from loganalysis.fields import distinct
from loganalysis.fields.collector import FieldKernel
from loganalysis.fields.plan import FieldPlan
from loganalysis.fields.program import EXPORT, named_walker
from loganalysis.fields.statistics import Bounds, FieldStatistics
from loganalysis.fields.table import FieldTable
from tests.support.loganalysis.plain_fields import check_counts, check_numbers

SMALL = Bounds(64, 1024)
SLACK = 6


class SmallPlan(FieldPlan):
    """Fields that hold few values in memory."""

    bounds = SMALL


def count(values: Sequence[bytes]) -> FieldStatistics:
    """The statistics of a stream of values."""
    return table_of(values).fields[0]


def table_of(values: Sequence[bytes]) -> FieldTable:
    """The table of a stream of values of one field."""
    kernel = FieldKernel(SmallPlan(("V",), walkers=(named_walker(EXPORT, ["V"]),)))
    data = bytearray(b"\n".join(b"V=" + value for value in values) + b"\n")
    kernel.add_lines(memoryview(data), 0, len(data), False)
    return FieldTable(kernel.memory)


def stream(seed: int) -> list[bytes]:
    """Values of one of several distributions, some of them in few values and some in many."""
    rng = random.Random(seed)
    size, kinds = rng.choice((50, 200, 600)), rng.choice((3, 60, 70, 5000))
    draws: list[Callable[[], object]] = [
        lambda: rng.randrange(kinds),
        lambda: int(rng.paretovariate(0.7)) % kinds,
        lambda: round(rng.lognormvariate(3, 2), rng.randrange(4)),
        lambda: round(rng.gauss(0, 100), 1),
        lambda: f"value {rng.randrange(kinds)} " + "x" * rng.choice((0, 0, 40)),
    ]
    draw = rng.choice(draws)
    return [str(draw()).encode() for _ in range(size)]


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(10))
def test_counts_and_quantiles_stay_within_their_error(block: int) -> None:
    purged = 0
    for seed in range(100 * block, 100 * block + 100):
        values = stream(seed)
        found = count(values)
        shown = found.to_json(1000)
        check_counts(shown, values, SLACK)
        check_numbers(shown["number"], values)
        exact = Counter(values)
        missing = exact.keys() - {text for text, _ in found.counts}
        assert all(exact[value] <= found.purged for value in missing)
        assert found.purged <= 4 * len(values) / SMALL.values * 2
        purged += found.purged > 0
    assert purged > 10


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(10))
def test_merged_streams_stay_within_their_error(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100, 4):
        first, second = stream(seed), stream(seed + 1)
        table = table_of(first)
        table.merge(table_of(second))
        [found] = table.fields
        assert len(found.counts) <= SMALL.values
        assert sum(len(text) for text, _ in found.counts) <= SMALL.bytes
        check_counts(found.to_json(1000), first + second, SLACK)
        check_numbers(found.to_json(0)["number"], first + second)
        exact = Counter(first + second)
        missing = exact.keys() - {text for text, _ in found.counts}
        assert all(exact[value] <= found.purged for value in missing)


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(10))
def test_distinct_counts_stay_within_their_error_on_a_thousand_streams(block: int) -> None:
    rng = random.Random(block)
    for _ in range(100):
        number = round(10 ** rng.uniform(5.3, 8))
        registers = bytes(random_registers(rng, number))
        assert abs(distinct.estimate(registers) - number) <= distinct.ERROR * number + 0.5


def random_registers(rng: random.Random, number: int) -> Sequence[int]:
    """Registers after about so many distinct values, drawn by their distribution.

    Their number differs by its square root, so draw at least 200,000.

    A register gets a number of values with a Poisson distribution, and a value a rank above r with
    the probability 2 to the power of -r.
    """
    mean = number / distinct.REGISTERS
    limits = [math.exp(-mean * 0.5**rank) for rank in range(51)]
    return [bisect_left(limits, rng.random()) for _ in range(distinct.REGISTERS)]


def test_many_values_are_counted_by_the_registers_of_c() -> None:
    for number in (100, 5000, 60_000):
        found = count([b"%d" % value for value in range(number)])
        assert found.purged > 0
        estimate = distinct.estimate(found.registers)
        assert abs(estimate - number) <= distinct.ERROR * number + 0.5


def test_no_value_is_no_distinct_value() -> None:
    assert distinct.estimate(bytes(distinct.REGISTERS)) == 0
