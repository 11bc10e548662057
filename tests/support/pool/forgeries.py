"""Messages that a compromised library in a job process could send, in place of the honest answer.

Each forgery sends one packet through the channel of the job process that calls it.
"""

import array
import contextlib
import ctypes
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from runner.pool.protocol import messages
from tests.support.pool import calls

Report = Callable[[str], None]
semaphores: list[Any] = []
Packet = bytes | tuple[bytes, int]
"""The bytes of a packet, and a descriptor that it contains."""


def load() -> Callable[[str, Report], str]:
    """Return the entry."""
    return entry


def load_with_semaphore() -> Callable[[str, Report], str]:
    """Return the entry, after creating a semaphore as some libraries do when they are imported."""
    semaphores.append(get_context("spawn").Lock())
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, here or in calls.py, with its arguments."""
    call = json.loads(request)
    function = globals().get(call["do"]) or getattr(calls, call["do"])
    return json.dumps(function(report, **call["with"]))


def channel_and_nonce() -> tuple[socket.socket, str]:
    """Return the channel of this job process and the nonce of its call, from its own stack."""
    frame = sys._getframe()
    while frame.f_code.co_name != "serve_one":
        assert frame.f_back
        frame = frame.f_back
    return frame.f_locals["self"]._channel, frame.f_locals["message"].fields["nonce"]


def answer(nonce: Any, result: bytes = b"1", **changes: Any) -> bytes:
    """Return the packet of an answer; fields that are changed to ... are left out."""
    fields = {
        "kind": "returned",
        "nonce": nonce,
        "cpu_seconds": 0.1,
        "peak_memory_bytes": 1,
        "memory_bytes": 1,
        **changes,
    }
    kept = {name: value for name, value in fields.items() if value is not ...}
    return json.dumps(kept).encode() + b"\n" + result


def error(nonce: str, trace: bytes = b"", **changes: Any) -> bytes:
    """Return the packet of an error."""
    fields = {"error_type": "E", "error_message": "m", "retryable": True, **changes}
    return answer(nonce, trace, **{"kind": "raised", **fields})


def progress(nonce: str, text: Any) -> bytes:
    """Return the packet of progress."""
    return json.dumps({"kind": "progress", "nonce": nonce, "text": text}).encode()


def memory(size: int, content: bytes = b"") -> int:
    """Return a memfd of this size that is not sealed."""
    memfd = os.memfd_create("forged", os.MFD_ALLOW_SEALING)
    os.write(memfd, content)
    os.truncate(memfd, size)
    return memfd


def sealed(size: int) -> int:
    """Return sealed memory that contains the JSON text of a string."""
    memfd = memory(0)
    piece = b"x" * 2**20
    os.write(memfd, b'"')
    for _ in range(size // len(piece)):
        os.write(memfd, piece)
    os.write(memfd, b'"')
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, seals)
    return memfd


def bodiless(nonce: str) -> bytes:
    """Return an answer without a body."""
    return answer(nonce).partition(b"\n")[0]


FORGERIES: dict[str, Callable[[str], Packet]] = {
    "garbage": lambda nonce: b"\xff\x00garbage",
    "no object": lambda nonce: b"[1]",
    "no fields": lambda nonce: b"{}",
    "deep header": lambda nonce: b"[" * 60000,
    "too long": lambda nonce: answer(nonce, b'"' + b"x" * 70000 + b'"'),
    "kind of a keeper": lambda nonce: b'{"kind": "outcome", "call_id": "x", "outcome": {}}',
    "kind that is a list": lambda nonce: answer(nonce, kind=["returned"]),
    "unknown kind": lambda nonce: answer(nonce, kind="succeeded"),
    "only a kind": lambda nonce: b'{"kind": "returned"}',
    "additional field": lambda nonce: answer(nonce, more="2"),
    "missing field": lambda nonce: answer(nonce, memory_bytes=...),
    "wrong nonce": lambda nonce: answer("0" * 32),
    "no nonce": lambda nonce: answer(...),
    "nonce that is a number": lambda nonce: answer(7),
    "empty nonce": lambda nonce: answer(""),
    "memory of 2**63": lambda nonce: answer(nonce, peak_memory_bytes=2**63),
    "memory of 10**300": lambda nonce: answer(nonce, memory_bytes=10**300),
    "negative memory": lambda nonce: answer(nonce, peak_memory_bytes=-1),
    "memory that is true": lambda nonce: answer(nonce, peak_memory_bytes=True),
    "memory that is text": lambda nonce: answer(nonce, memory_bytes="1"),
    "fraction of memory": lambda nonce: answer(nonce, peak_memory_bytes=1.5),
    "null for memory": lambda nonce: answer(nonce, memory_bytes=None),
    "time that is text": lambda nonce: answer(nonce, cpu_seconds="1"),
    "time that is false": lambda nonce: answer(nonce, cpu_seconds=False),
    "negative time": lambda nonce: answer(nonce, cpu_seconds=-1.0),
    "time of 1e300": lambda nonce: answer(nonce, cpu_seconds=1e300),
    "time that is NaN": lambda nonce: answer(nonce, cpu_seconds=float("nan")),
    "no result": bodiless,
    "empty result": lambda nonce: answer(nonce, b""),
    "result that is no JSON": lambda nonce: answer(nonce, b"{not json}"),
    "result that is NaN": lambda nonce: answer(nonce, b"NaN"),
    "infinite result": lambda nonce: answer(nonce, b"[-Infinity]"),
    "result beyond a double": lambda nonce: answer(nonce, b"1e400"),
    "integer beyond a double": lambda nonce: answer(nonce, b"1" * 5000),
    "result that is not UTF-8": lambda nonce: answer(nonce, b'"\xff"'),
    "surrogate in a result": lambda nonce: answer(nonce, b'"\\ud800"'),
    "NUL in a result": lambda nonce: answer(nonce, b'"\x00"'),
    "deep result": lambda nonce: answer(nonce, b"[" * 101 + b"]" * 101),
    "two results": lambda nonce: answer(nonce, b"1 2"),
    "result of 96 MB": lambda nonce: (bodiless(nonce), sealed(96_000_000)),
    "many values": lambda nonce: (bodiless(nonce), memory(2 * 10**6, b"[" * 10**6)),
    "result that can change": lambda nonce: (bodiless(nonce), memory(20000, b"1")),
    "endless file": lambda nonce: (bodiless(nonce), os.open("/dev/zero", os.O_RDONLY)),
    "silent pipe": lambda nonce: (bodiless(nonce), os.pipe()[0]),
    "folder": lambda nonce: (bodiless(nonce), os.open("/", os.O_RDONLY)),
    "huge empty memory": lambda nonce: (bodiless(nonce), memory(2**60)),
    "two bodies": lambda nonce: (answer(nonce), memory(1, b"1")),
    "progress that is no JSON": lambda nonce: progress(nonce, "{"),
    "progress that is NaN": lambda nonce: progress(nonce, '{"a": NaN}'),
    "progress that is a list": lambda nonce: progress(nonce, "[1]"),
    "progress that is no text": lambda nonce: progress(nonce, {"a": 1}),
    "deep progress": lambda nonce: progress(nonce, '{"a":' * 200 + "1" + "}" * 200),
    "surrogate in progress": lambda nonce: progress(nonce, '{"a": "\\ud800"}'),
    "progress of another call": lambda nonce: progress("0" * 32, "{}"),
    "progress with a body": lambda nonce: (progress(nonce, "{}"), sealed(0)),
    "error without a type": lambda nonce: error(nonce, error_type=...),
    "error type that is a number": lambda nonce: error(nonce, error_type=1),
    "long error type": lambda nonce: error(nonce, error_type="x" * 201),
    "long error message": lambda nonce: error(nonce, error_message="x" * 4001),
    "NUL in an error": lambda nonce: error(nonce, error_message="a\0b"),
    "surrogate in an error": lambda nonce: error(nonce, error_message="\ud800"),
    "retryable that is 1": lambda nonce: error(nonce, retryable=1),
    "long traceback": lambda nonce: error(nonce, b"x" * 16385),
    "NUL in a traceback": lambda nonce: error(nonce, b"\0"),
    "traceback that is not UTF-8": lambda nonce: error(nonce, b"\xff"),
    "traceback in changing memory": lambda nonce: (
        error(nonce).partition(b"\n")[0],
        memory(1, b"x"),
    ),
}


NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, -0.0, 1e300, 2**31, 2**53 + 1, 2**63, 2**64, 10**200),
    *("", "\0", "\ud800", "x" * 5000, "NaN", "returned", "progress", "outcome", "lost"),
    *([], {}, [[]], {"kind": "returned"}, [None] * 100),
)


def honest_messages(nonce: str) -> list[tuple[dict[str, Any], bytes | None]]:
    """Return the fields and the bodies of one message of each kind."""
    usage = {"cpu_seconds": 0.25, "peak_memory_bytes": 2**20, "memory_bytes": 2**19}
    error = {"error_type": "ValueError", "error_message": "no", "retryable": True}
    result = b'{"text": "hello", "list": [1, 2.5, null, true], "inner": {"a": {"b": []}}}'
    return [
        ({"kind": "progress", "nonce": nonce, "text": '{"done": 1}'}, None),
        ({"kind": "returned", "nonce": nonce, **usage}, result),
        ({"kind": "raised", "nonce": nonce, **usage, **error}, b"Traceback: no"),
        ({"kind": "out_of_memory", "nonce": nonce, **usage, **error}, b""),
    ]


def mutation(random: Random, nonce: str) -> bytes:
    """Return an honest message after one to four random changes of its fields, bytes or body."""
    fields, body = random.choice(honest_messages(nonce))
    for _ in range(random.randrange(3)):
        name = random.choice([*fields, "more"])
        if random.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = random.choice(NASTY)
    packet = bytearray(json.dumps(fields).encode())
    if body is not None or random.random() < 0.1:
        packet += b"\n" + (body or b"1")
    for _ in range(random.randrange(3)):
        at = random.randrange(len(packet) + 1)
        match random.randrange(4):
            case 0:
                packet[at : at + 1] = random.randbytes(1)
            case 1:
                del packet[at : at + random.randrange(1, 20)]
            case 2:
                packet[at:at] = random.choice(
                    (b"[", b"{", b'"', b"\n", b"\xff", b"9" * 400, b"\\u")
                )
            case _:
                packet[at:at] = packet[random.randrange(len(packet) + 1) :][:50]
    return bytes(packet[: messages.MESSAGE_BYTES])


def send(channel: socket.socket, packet: Packet) -> None:
    """Send a packet."""
    data, *descriptors = (packet,) if isinstance(packet, bytes) else packet
    rights = array.array("i", descriptors)
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
    channel.sendmsg([data], ancillary)


def forge(report: Report, name: str) -> None:
    """Send one of the forgeries, and wait to be killed."""
    channel, nonce = channel_and_nonce()
    send(channel, FORGERIES[name](nonce))
    time.sleep(60)


def send_mutation(report: Report, seed: int) -> str:
    """Send a mutation of an honest message, and then return."""
    channel, nonce = channel_and_nonce()
    send(channel, mutation(Random(seed), nonce))
    return "returned"


def answer_twice(report: Report) -> str:
    """Answer, and then answer again by returning."""
    channel, nonce = channel_and_nonce()
    send(channel, answer(nonce, b'"first"'))
    return "second"


def report_after_the_answer(report: Report) -> str:
    """Report progress right after the answer, from a hook that the loop calls at the end."""
    channel, nonce = channel_and_nonce()
    send(channel, answer(nonce, b'"first"'))
    send(channel, progress(nonce, '{"late": true}'))
    os._exit(0)


def send_nothing(report: Report) -> None:
    """Send an empty packet, which looks like the end of the channel."""
    channel, _ = channel_and_nonce()
    channel.send(b"")
    time.sleep(60)


def close_channel(report: Report) -> None:
    """Close the channel and go on."""
    channel_and_nonce()[0].close()
    time.sleep(60)


def flood_with_garbage(report: Report) -> None:
    """Send invalid messages as fast as possible."""
    channel, _ = channel_and_nonce()
    while True:
        channel.send(b"{" * 60000)


def flood_with_progress(report: Report) -> None:
    """Send long valid progress as fast as possible."""
    channel, nonce = channel_and_nonce()
    packet = progress(nonce, json.dumps({"values": [[]] * 10000}))
    report(json.dumps({"values": [os.getpid()]}))
    while True:
        channel.send(packet)


def shared_mappings(report: Report) -> list[str]:
    """Return the mappings that this process shares with others: permissions and files."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    fields = [line.split(maxsplit=5) for line in lines]
    return [f"{each[1]} {each[5]}" for each in fields if each[1].endswith("s")]


def overwrite_shared_memory(report: Report, value: int) -> int:
    """Fill all memory that this process shares with others; returns how many mappings there are."""
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if " rw-s " in line]
    for line in lines:
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        ctypes.memset(start, value, end - start)
    return len(lines)


def overwrite_files(report: Report, paths: list[str]) -> int:
    """Overwrite files with invalid bytes; returns how many bytes they had."""
    sizes = [os.stat(path).st_size for path in paths]
    for path in paths:
        Path(path).write_bytes(b"\xff" * 32)
    return sum(sizes)


def use_semaphore(report: Report) -> str:
    """Use the semaphore that was created before job processes were forked."""
    with semaphores[0]:
        return "used"


def unlock(report: Report) -> int:
    """Try to free the lock of the runner by each descriptor; returns how many there are."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            fcntl.flock(int(name), fcntl.LOCK_UN)
    return os.getpid()
