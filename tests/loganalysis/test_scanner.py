"""The scanner with windows of any size, compared with plain counting in all data at once."""

import itertools
import re
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import Scanner, ScanOptions
from loganalysis.match import c_scanner, fixed_length, regexes
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.read import window
from loganalysis.read.errors import SourceError
from tests.support.loganalysis.kernel import SMALL, VECTORS
from tests.support.loganalysis.oracle import Dribble, Found, expected, found, scan, scan_mapped

quick = settings(database=None, deadline=None, max_examples=300)
texts = st.text("abAB\n", max_size=120)
sizes = st.lists(st.integers(1, 9), min_size=1)
literal = st.builds(Pattern, st.text("abA\n", min_size=1, max_size=14), ignore_case=st.booleans())
word = st.builds(
    Pattern, st.text("abA", min_size=1, max_size=3), ignore_case=st.booleans(), word=st.just(True)
)
regex = st.builds(
    Pattern,
    st.sampled_from(
        ["a+b", "^a", "b$", "a.b", "(ab|ba)+", "a[^b]", "ab?a", "b{2}", "aa|b", "bab*"]
    ),
    regex=st.just(True),
    ignore_case=st.booleans(),
    word=st.booleans(),
)


atoms = st.sampled_from(
    [
        *("a", "b", "1", "ab", "b1a", "[ab]", "[a-b1]", "a{2}", "[ab]{3}", ".", "[^a]", "a+", "b?"),
        *(r"\d", r"\d{2}", r"\w", r"\.", r"\d*", "(a|b)", "(?:ab|b)", "(ab|1)", "(a|b1)+"),
    ]
)
built = st.lists(st.lists(atoms, min_size=1, max_size=4).map("".join), min_size=1, max_size=2).map(
    "|".join
)


def distinct(pattern: st.SearchStrategy[Pattern], most: int) -> st.SearchStrategy[list[Pattern]]:
    return st.lists(pattern, min_size=1, max_size=most, unique_by=lambda each: each.text)


def assert_exact(
    data: bytes, patterns: list[Pattern], size: int, longest: int, pieces: list[int]
) -> None:
    partial = scan(data, patterns, ScanOptions(LineOptions(samples=2), size, longest), pieces)
    assert [found(result) for result in partial.results] == [
        expected(data, pattern, 2, longest) for pattern in patterns
    ]
    assert partial.bytes == len(data)
    assert partial.lines == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    counts = scan(data, patterns, ScanOptions(None, size, longest), pieces)
    assert [t.count for t in counts.results] == [t.count for t in partial.results]
    numbers = scan(data, patterns, ScanOptions(LineOptions(), size, longest), pieces)
    assert numbers.results == [replace(result, samples=[]) for result in partial.results]
    assert (
        scan_mapped(data, patterns, ScanOptions(LineOptions(samples=2), size, longest)) == partial
    )


@pytest.mark.heavy
@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("most", [3, 40])
@quick
@given(data=texts, given_=st.data(), size=st.integers(4, 40), pieces=sizes)
def test_literals_are_exact_in_any_windows(
    most: int, vectors: int, data: str, given_: st.DataObject, size: int, pieces: list[int]
) -> None:
    patterns = given_.draw(distinct(literal, most))
    with pytest.MonkeyPatch.context() as patch:
        _shorten(patch)
        patch.setattr(c_scanner, "_vectors", lambda: vectors)
        assert_exact(data.encode(), patterns, size, size, pieces)


@pytest.mark.heavy
@quick
@given(
    texts,
    distinct(st.one_of(literal, word, regex), 6),
    st.integers(4, 20),
    st.integers(20, 50),
    sizes,
)
def test_regexes_and_words_are_exact_in_any_windows(
    data: str, patterns: list[Pattern], size: int, longest: int, pieces: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _shorten(patch)
        assert_exact(data.encode(), patterns, size, longest, pieces)


@pytest.mark.heavy
@quick
@given(
    st.text("ab1.\n", max_size=120),
    st.lists(built, min_size=1, max_size=4, unique=True),
    st.integers(4, 40),
    sizes,
)
def test_all_strategies_find_the_same_matches_of_a_regex(
    data: str, given_: list[str], size: int, pieces: list[int]
) -> None:
    patterns = [Pattern(text, regex=True) for text in given_ if not re.search(text, "")]
    with pytest.MonkeyPatch.context() as patch:
        _shorten(patch)
        patch.setattr(fixed_length, "_MIN_KEY_BYTES", 1)
        assert_exact(data.encode(), patterns, size, size, pieces)


def _shorten(patch: pytest.MonkeyPatch) -> None:
    """Let short data reach code for megabytes: the choice of a strategy, blocks, batches."""
    patch.setattr(regexes, "TRIAL_BYTES", 10)
    patch.setattr(c_scanner, "LIMITS", SMALL)
    patch.setattr(fixed_length, "_BATCH_MATCHES", 2)
    patch.setattr(window, "LINE_HEAD_BYTES", 4)
    patch.setattr("tests.support.loganalysis.oracle.LINE_HEAD_BYTES", 4)


@pytest.mark.parametrize("size", [8, 1 << 18])
@pytest.mark.parametrize(
    "data",
    [
        "",
        "a",
        "\n",
        "no newline at the end: a",
        "a\r\nb\r\naa\r\n",
        "a\0b\0\0aaa\n\0",
        "\ufeffa first, after a byte order mark\naaa",
        "Grüße aus Köln, größer\nGRÜSSE ß\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naa",
        "hit at the first byte and the last: hit",
    ],
)
def test_texts_of_all_kinds(data: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "LINE_HEAD_BYTES", 8)
    monkeypatch.setattr("tests.support.loganalysis.oracle.LINE_HEAD_BYTES", 8)
    names = ["a", "aa", "A", "\n", "\r\n", "\n\n", "\0", "a\nb", "ß", "größ", "hit", "\ufeff", "zz"]
    patterns = [Pattern(name) for name in names]
    patterns += [Pattern(name, ignore_case=True, name=f"i{name}") for name in names]
    assert_exact(data.encode(), patterns, size, size, [7])


def test_bytes_that_are_not_utf8() -> None:
    data = b"\xffa\xfe\n\x80a\xc3" * 9
    assert_exact(
        data, [Pattern("a"), Pattern("\xfe"), Pattern("a", word=True, name="w")], 9, 9, [3]
    )


def test_a_thousand_literals() -> None:
    patterns = [Pattern(f"id={number:04d}") for number in range(1000)]
    data = b"".join(b"id=%04d; id=%05d\n" % (n % 1100, n * 7 % 1100) for n in range(3_000))
    partial = scan(data, patterns, ScanOptions(LineOptions()))
    assert [found(result) for result in partial.results] == [expected(data, p) for p in patterns]


@pytest.mark.parametrize("before", range(30))
def test_a_match_across_windows_is_found_at_every_position(
    before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "LINE_HEAD_BYTES", 4)
    monkeypatch.setattr("tests.support.loganalysis.oracle.LINE_HEAD_BYTES", 4)
    data = b"x" * before + b"one\ntwo three" + b"y" * 20
    patterns = [Pattern(text) for text in ("one\ntwo", "two three", "e\nt", "one", "xx", "\nt")]
    assert_exact(data, patterns, 11, 11, [11])


def test_many_short_texts_with_newlines() -> None:
    texts = (
        "".join(letters) for size in (1, 2, 3) for letters in itertools.product("aB\n", repeat=size)
    )
    patterns = [Pattern(text, ignore_case=number % 2 == 0) for number, text in enumerate(texts)]
    assert_exact(b"aBab\nBBaAbB\n\nab" * 9, patterns, 1000, 1000, [5])


def test_a_histogram_counts_each_line_once_for_each_pattern() -> None:
    by_second = LineOptions(time_of=_time_of, unit="second")
    data = b"1 a a\n1 b\nx a\n2 ab\n"
    results = scan(data, [Pattern("a"), Pattern("b")], ScanOptions(by_second)).results
    histograms = [result.histogram.to_json() for result in results if result.histogram]
    both = [("1970-01-01T00:00:01.000Z", 1), ("1970-01-01T00:00:02.000Z", 1)]
    assert histograms == [both, both]
    assert [result.undated for result in results] == [1, 0]


def _time_of(line: bytes) -> float | None:
    return float(line[:1]) if line[:1].isdigit() else None


def test_a_regex_with_nested_repeats_stays_linear() -> None:
    data = b"a" * 200_000 + b"!\n"
    (result,) = scan(data, [Pattern("(a+)+$", regex=True)], ScanOptions()).results
    assert result.count == 0


@pytest.mark.parametrize("many", [1, 16])
def test_a_line_of_any_length_needs_no_more_memory(many: int) -> None:
    patterns = prepare([Pattern("x" * size) for size in range(1, many + 1)])
    tracemalloc.start()
    try:
        source = _Endless(b"x" * 65536, 300_000)
        scanner = Scanner(patterns, ScanOptions(LineOptions(samples=20)), source)
        while scanner.scan():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scanner.counts[0] == 300_000
    assert peak < 40 << 20


class _Endless(Dribble):
    def __init__(self, block: bytes, size: int) -> None:
        super().__init__(b"")
        self._block, self._left = block, size

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), len(self._block), self._left)
        buffer[:size] = self._block[:size]
        self._left -= size
        return size


def test_the_result_of_empty_data_is_empty() -> None:
    (result,) = scan(b"", [Pattern("a")], ScanOptions(LineOptions())).results
    assert found(result) == Found(0, 0, None, None, [])


@pytest.mark.parametrize("size", [2, 100])
def test_data_before_an_error_is_scanned_before_it_is_raised(size: int) -> None:
    source = _Breaking(b"a b\nb a")
    scanner = Scanner(prepare([Pattern("a")]), ScanOptions(LineOptions(), size, size), source)
    with pytest.raises(SourceError, match="broken"):
        for _ in iter(scanner.scan, False):
            pass
    assert (scanner.counts, scanner.bytes, scanner.partial.lines) == ([2], 7, 2)


class _Breaking(Dribble):
    """A source of three bytes at a time that raises an error at the end of its data."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, [3])

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = super().readinto(buffer)
        if buffer and not size:
            raise SourceError("broken", 0, 0)
        return size
