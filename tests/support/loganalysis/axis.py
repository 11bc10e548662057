"""The rule of the time axis, in plain Python: see loganalysis/times/axis.py."""

from collections.abc import Sequence

DAY = 86_400


def plain_core(seconds: Sequence[int]) -> tuple[int, int]:
    """The first and the last second of the axis of lines with these times."""
    times = sorted(seconds)
    if (unset := sum(each < 365 * DAY for each in times)) * 10 <= len(times):
        times = times[unset:]
    left_out = len(times) // 100 if len(times) >= 100 else 1 if len(times) >= 10 else 0
    kept = len(times) - left_out
    spans = [(times[at + kept - 1] - times[at], at) for at in range(left_out + 1)]
    _, at = min(spans)
    low, high = times[at], times[at + kept - 1]
    while True:
        near = max(DAY, 5 * (high - low + 1))
        joined = [each for each in sorted(seconds) if low - near <= each <= high + near]
        if (joined[0], joined[-1]) == (low, high):
            return low, high
        low, high = joined[0], joined[-1]
