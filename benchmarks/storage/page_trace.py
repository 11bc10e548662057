"""Reads the output of strace: the pages that each transaction on a SQLite file writes and reads."""

import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALLS = ("pread64", "pwrite64", "fsync", "fdatasync", "fcntl", "getdents64", "sendto", "sendmsg")
FRAME_HEADER_BYTES = 24
_WAL_HEADER_BYTES = 32
_SIZE_IN_HEADER = slice(8, 12)
_UNFINISHED = "<unfinished ...>"
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>")
_CALL = re.compile(r"^(\w+)\((.*)")
_PATH = re.compile(r"^\d+<([^>]*)>")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_SIZE = re.compile(r", (\d+), (\d+) *\)")
_LOCK = re.compile(r"l_type=F_(\w+), .*l_start=(\d+)")
# The locks in the -shm file, https://sqlite.org/walformat.html#wal_locks
_CHECKPOINT_LOCK, _FIRST_READ_LOCK = 121, 123


@dataclass
class _Thread:
    """A thread of a program, and what its present transaction has done."""

    program: str
    written: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    committed: str = ""
    """The name of the transaction, once it has written its last frame."""
    held: dict[int, str] = field(default_factory=dict)
    """The type of each lock, by its position."""


class Trace:
    """The calls of both programs, and the pages of each transaction.

    Of the worker's transactions that write, the first after a submission is the claim, the next one
    the completion. A look writes nothing.
    """

    def __init__(self, names: dict[int, str], wal: bytes):
        """`names` are the programs by process id, `wal` is the file as it was before."""
        self._names = names
        self._threads: dict[int, _Thread] = {}
        self._page_size = int.from_bytes(wal[_SIZE_IN_HEADER], "big")
        frame_bytes = FRAME_HEADER_BYTES + self._page_size
        self._page_at = {
            at: int.from_bytes(wal[at : at + 4], "big")
            for at in range(_WAL_HEADER_BYTES, len(wal), frame_bytes)
        }
        """The page of each frame of the WAL, by the frame's position."""
        self._since_submission = 0
        self.calls: Counter[tuple[str, str]] = Counter()
        self.transactions: Counter[str] = Counter()
        self.written: defaultdict[str, Counter[int]] = defaultdict(Counter)
        """Number of writes of each page, by transaction."""
        self.read: defaultdict[str, Counter[int]] = defaultdict(Counter)
        """Number of reads of each page, by transaction."""

    def add(self, lines: Iterable[str]) -> None:
        """Read the output of strace, which splits a call that another thread interrupts."""
        begun: dict[str, str] = {}
        for line in lines:
            number, _, text = line.partition(" ")
            text = text.strip()
            if text.endswith(_UNFINISHED):
                begun[number] = text.removesuffix(_UNFINISHED)
            else:
                if resumed := _RESUMED.match(text):
                    text = begun.pop(number, "") + text[resumed.end() :]
                if call := _CALL.match(text):
                    self._add_call(self._thread(int(number)), call[1], call[2])

    def _thread(self, number: int) -> _Thread:
        if number not in self._threads:
            owners = [pid for pid in self._names if Path(f"/proc/{pid}/task/{number}").exists()]
            self._threads[number] = _Thread(self._names[owners[0]] if owners else "?")
        return self._threads[number]

    def _add_call(self, thread: _Thread, call: str, rest: str) -> None:
        path = _PATH.match(rest)
        name = Path(_decoded(path[1]).decode()).name if path else ""
        if call in ("pread64", "pwrite64"):
            if name not in ("jobs.db", "jobs.db-wal"):
                return
            size, at = map(int, _SIZE.findall(rest)[-1])
            if size == FRAME_HEADER_BYTES and call == "pwrite64":
                self._add_frame(thread, at, rest)
            elif size == self._page_size and call == "pread64":
                frame_at = at - FRAME_HEADER_BYTES
                is_in_wal = name == "jobs.db-wal"
                page = self._page_at.get(frame_at, 0) if is_in_wal else at // size + 1
                thread.read.append(page)
            if size == FRAME_HEADER_BYTES:
                return
            call = f"{call} {name}"
        elif call == "fcntl" and name == "jobs.db-shm" and (lock := _LOCK.search(rest)):
            self._add_lock(thread, lock[1], int(lock[2]))
        self.calls[thread.program, call] += 1

    def _add_frame(self, thread: _Thread, at: int, rest: str) -> None:
        text = _BYTES.search(rest)
        page, size_after_commit = struct.unpack(">2I", _decoded(text[1] if text else "")[:8])
        self._page_at[at] = page
        thread.written.append(page)
        if size_after_commit:
            thread.committed = self._name(thread.program)

    def _add_lock(self, thread: _Thread, kind: str, position: int) -> None:
        if kind != "UNLCK":
            thread.held[position] = kind
            return
        held = thread.held.pop(position, "")
        if position == _CHECKPOINT_LOCK:
            self._end(thread, "checkpoint")
        elif position >= _FIRST_READ_LOCK and held == "RDLCK":
            self._end(thread, thread.committed or f"{thread.program} looks")

    def _name(self, program: str) -> str:
        """Name the transaction that a program commits."""
        if program == "server":
            self._since_submission = 0
            return "submission"
        self._since_submission += 1
        return {1: "claim", 2: "completion"}.get(self._since_submission, "other")

    def _end(self, thread: _Thread, name: str) -> None:
        self.transactions[name] += 1
        self.written[name].update(thread.written)
        self.read[name].update(thread.read)
        thread.written, thread.read, thread.committed = [], [], ""

    def rows(self, jobs: int, owners: dict[int, str]) -> Iterator[str]:
        """Yield the lines of the tables, per job. `owners` are the trees of the pages."""
        yield from _by_tree("pages written", self.written, jobs, owners)
        yield ""
        yield from _by_tree("pages read", self.read, jobs, owners, self.transactions)
        programs = sorted({program for program, _ in self.calls})
        yield from ("", *_header("system calls per job", programs))
        for call in sorted({call for _, call in self.calls}):
            yield _row(call, [self.calls[program, call] for program in programs], jobs)


_COLUMNS = ("submission", "claim", "completion", "runner looks", "server looks", "checkpoint")


def _by_tree(
    title: str,
    pages: dict[str, Counter[int]],
    jobs: int,
    owners: dict[int, str],
    transactions: Counter[str] | None = None,
) -> Iterator[str]:
    names = [name for name in (*_COLUMNS, "other") if pages[name]]
    by_tree: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        for page, count in pages[name].items():
            by_tree[owners.get(page, "free")][name] += count
    yield from _header(f"{title} per job", names)
    for tree, counts in sorted(by_tree.items(), key=lambda item: -item[1].total()):
        yield _row(tree, [counts[name] for name in names], jobs)
    yield _row("all", [pages[name].total() for name in names], jobs)
    if transactions:
        yield _row("transactions", [transactions[name] for name in names], jobs)


def _header(title: str, names: Sequence[str]) -> tuple[str, str]:
    return f"| {title} | {' | '.join(names)} | all |", "|---" * (len(names) + 2) + "|"


def _row(name: str, counts: Sequence[float], jobs: int) -> str:
    cells = [f"{count / jobs:.2f}" for count in [*counts, sum(counts)]]
    return f"| {name} | {' | '.join(cells)} |"


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()
