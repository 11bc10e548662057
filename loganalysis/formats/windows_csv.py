"""The CSV that the Windows Event Viewer and PowerShell export, with a heading or without."""

import csv
from collections.abc import Sequence

from loganalysis.formats.levels import level_of
from loganalysis.formats.log_format import BOM, LogFormat, Parts
from loganalysis.formats.times import FieldTimes

_VIEWER = ("level", "time", "source", "event_id", "category", "message")
_NAMES = {
    **{"level": "level", "leveldisplayname": "level", "entrytype": "level"},
    **{"date and time": "time", "timecreated": "time", "timegenerated": "time", "time": "time"},
    **{"source": "source", "providername": "source", "logname": "log", "machinename": "host"},
    **{"event id": "event_id", "id": "event_id", "eventid": "event_id", "message": "message"},
    **{"task category": "category", "taskdisplayname": "category", "category": "category"},
}


class WindowsCsv(LogFormat):
    """Rows of events. A message may continue in lines of its own, which are no rows."""

    def __init__(self, times: FieldTimes, heading: bytes | None = None) -> None:
        """`heading` is a line with the names of the columns; without it, the Event Viewer's."""
        self._columns: Sequence[str] = (heading and columns_of(heading)) or _VIEWER
        super().__init__("windows_csv", "Windows events (CSV)", self._columns)
        self._times = times

    def split(self, line: bytes) -> Parts | None:
        """The parts of a row, None for the heading and for lines within a message."""
        row = _row(line)
        if len(row) < min(len(self._columns), len(_VIEWER) - 1):
            return None
        fields = dict(zip(self._columns, row, strict=False))
        level, time = level_of(fields.get("level")), self._times.time_of(fields.get("time", b""))
        if level is None or time is None:
            return None
        return Parts(time, level, fields.get("message", line), fields)


def columns_of(heading: bytes) -> Sequence[str] | None:
    """The names of the columns in a heading, or None if the line is none."""
    names = [cell.decode(errors="replace").lower() for cell in _row(heading)]
    known = [_NAMES.get(name, name.replace(" ", "_")) for name in names]
    return known if {"level", "time"} <= set(known) and len(known) > 2 else None


def _row(line: bytes) -> list[bytes]:
    text = line.removeprefix(BOM).decode("latin-1")
    try:
        return [cell.encode("latin-1") for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return []
