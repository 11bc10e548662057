"""Lets the kernel search random data for random texts, and compares it with Python.

    python -m tests.support.analysis.kernel_fuzzer LIBRARY [ROUNDS] [SEED]

Use it for a library that was compiled with memory checks (tests/analysis/test_kernel.py does), or
for another kind of processor.
"""

import random
import sys
from pathlib import Path

from runner.analysis.match import kernel
from tests.support.analysis.kernel import SMALL, VECTORS, kernel_results, literals_of, reference

LETTERS = [b"ab\n", b"abAB \n", bytes(range(256))]


def main(library: str, rounds: int = 1000, seed: int = 1) -> None:
    """Exit with an error at the first difference."""
    loaded = kernel._load_library(Path(library))
    kernel._library = lambda: loaded  # type: ignore[assignment]
    rng = random.Random(seed)
    limits = (kernel.LIMITS, SMALL)
    for number in range(rounds):
        kernel.LIMITS = limits[number % 2]
        vectors = rng.choice(VECTORS)
        kernel._vectors = lambda vectors=vectors: vectors  # type: ignore[assignment]
        one_round(rng)


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
