"""Lets the kernel search random data for random texts, and compares it with Python.

    python -m tests.support.loganalysis.kernel_fuzzer LIBRARY [ROUNDS] [SEED]

Use it for a library that was compiled with memory checks (tests/loganalysis/test_kernel.py does),
or for another kind of processor.
"""

import random
import sys
from array import array
from pathlib import Path

from loganalysis.fields.collector import FieldKernel
from loganalysis.fields.layout import layout_of
from loganalysis.fields.plan import FieldPlan
from loganalysis.fields.program import EXPORT, JSON, LAYOUT, LOGFMT, layout_walker, named_walker
from loganalysis.fields.table import FieldTable
from loganalysis.formats.layouts import LAYOUTS
from loganalysis.match import c_scanner
from loganalysis.times.c_timeline import TimelineKernel, TimelineOptions, TimeRules
from tests.support.loganalysis.kernel import SMALL, VECTORS, kernel_results, literals_of, reference

LETTERS = [b"ab\n", b"abAB \n", bytes(range(256))]
TIMES = [
    *(b"2026-11-25T01:02:03.5+01:00 x\n", b"1.1.1.1 - [25/Nov/2026:01:02:03 +0000] x\n"),
    *(b"Nov  5 01:02:03 x\n", b'{"ts": "1795568523.1"}\n', b"Wed Nov 25 01:02:03 1999\n"),
    *(
        b"1795568523\n",
        b"    no time",
        b"\n",
        b"<34>1 INFO [2199-12-31 23:59:59",
        b"1970-01-01 00:00:00\n",
    ),
    *(b"\x1b[1;36mweb-1  | \x1b[0m2026-11-25 01:02:03 CEST x\n", b"[pod/a/b] 13/11/2026 1:02:03\n"),
    *(b"web-7d9f7-abcde app 1795568523 x\n", b"/a/b.log:17:I1125 01:02:03 x\n"),
    *(b"a\tb\t2026-11-25\t01:02:03 x\n", b"# Time: Nov  5 01:02:03\n", b"Wed, 25 Nov 2026 "),
]

FIELDS = [
    *(*TIMES, b'{"a":"caf\\u00e9 \\ud83d\\ude00","ts":[1,{"b":"]"}],"MESSAGE":-1.5e3}\n'),
    *(b'a="x \\" y" ts=5 MESSAGE\n', b"MESSAGE=0.25\n", b"INFO:a.b:12\n"),
    b'1.1.1.1 - - [25/Nov/2026:01:02:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl \\" x"\n',
]


def main(library: str, rounds: int = 1000, seed: int = 1) -> None:
    """Exit with an error at the first difference."""
    loaded = c_scanner._load_library(Path(library))
    c_scanner._library = lambda: loaded  # type: ignore[assignment]
    rng = random.Random(seed)
    limits = (c_scanner.LIMITS, SMALL)
    for number in range(rounds):
        c_scanner.LIMITS = limits[number % 2]
        vectors = rng.choice(VECTORS)
        c_scanner._vectors = lambda vectors=vectors: vectors  # type: ignore[assignment]
        one_round(rng)
        one_round_of_times(rng)
        one_round_of_fields(random.Random(number))


def one_round_of_times(rng: random.Random) -> None:
    """Read the times of lines in windows, each in memory of its own, and count lines."""
    data = b"".join(rng.choice(TIMES)[rng.randrange(4) :] for _ in range(rng.randrange(1, 60)))
    options = TimelineOptions(TimeRules(1.8e9, rng.choice((20, 1000))), sample_cells=4)
    times, size = TimelineKernel(options, 1, len(data)), rng.randrange(1, 400)
    for start in range(0, len(data), size):
        base, end = max(start - 9, 0), min(start + size, len(data))
        view = memoryview(bytearray(data[base:end]))
        in_line = start > 0 and data[start - 1] != 10
        times.read(view, base, start - base, end - base, in_line)
        hits = array("I", [each for at in range(end - base) for each in (0, at)])
        times.count(hits, end - base, array("I", [0]), base)
    if times.timeline.lines != data.count(b"\n") + (data[-1:] not in (b"", b"\n")):
        sys.exit(f"{times.timeline} of {data!r}")


def one_round_of_fields(rng: random.Random) -> None:
    """Find fields in lines of several formats that are cut and changed anywhere."""
    kind = rng.choice([LAYOUT, JSON, LOGFMT, EXPORT])
    layout = layout_of(rng.choice(LAYOUTS)[2])
    names = layout.fields[:4] if kind == LAYOUT else ("a", "ts", "MESSAGE")
    walker = layout_walker(layout, names) if kind == LAYOUT else named_walker(kind, names)
    kernel = FieldKernel(FieldPlan(names, walkers=(walker,), line_bytes=rng.choice((9, 1000))))
    for _ in range(5):
        data = bytearray(b"".join(rng.choices(FIELDS, k=rng.randint(1, 9))))
        for at in rng.choices(range(len(data)), k=5):
            data[at] = rng.choice(b'"\\ []=:{}\nu\xef')
        data = data[: rng.randint(1, len(data))]
        kernel.add_lines(memoryview(data), 0, len(data), rng.random() < 0.2)
    FieldTable(kernel.memory).fields  # noqa: B018


def one_round(rng: random.Random) -> None:
    """Search data that consists of the texts and similar ones."""
    signs = rng.choice(LETTERS)
    count, longest = rng.choice([(2, 40), (8, 8), (50, 20), (300, 12)])
    texts = [random_bytes(rng, signs, longest) for _ in range(count)]
    folded = [rng.random() < 0.3 for _ in texts]
    pieces = [rng.choice(texts) for _ in range(rng.randrange(60))]
    pieces += [random_bytes(rng, signs, longest) for _ in range(rng.randrange(60))]
    rng.shuffle(pieces)
    literals, data = literals_of(texts, folded), b"".join(pieces)
    found, hits = kernel_results(data, literals, rng.randrange(1, 700))
    for each, numbers, places in zip(literals, found, hits, strict=True):
        if (numbers, places) != reference(data, each):
            sys.exit(f"{each} in {data!r}: {numbers} at {places}, not {reference(data, each)}")


def random_bytes(rng: random.Random, signs: bytes, longest: int) -> bytes:
    """Between one byte and `longest` bytes."""
    return bytes(rng.choices(signs, k=rng.randint(1, longest)))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
