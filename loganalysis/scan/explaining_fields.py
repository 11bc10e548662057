"""The fields that an analysis counts to explain bursts, by some lines of the file."""

from dataclasses import replace

from loganalysis.archives.open_archive import archive_format
from loganalysis.explain.fields import fields_that_explain
from loganalysis.read.open_source import DecompressionLimits
from loganalysis.read.stored import Stored, modified_at
from loganalysis.scan.field_choice import WantedField, sample_lines
from loganalysis.scan.options import AnalysisOptions
from loganalysis.times.reference_time import head_blocks

_HEAD_LINES = 360
"""Of a compressed file, of which only the start is read."""


def with_explaining_fields(
    options: AnalysisOptions, file: Stored, limits: DecompressionLimits | None
) -> AnalysisOptions:
    """The options with the fields that can explain bursts, if that is asked for without fields.

    Members of an archive may have different formats, so an archive has no such fields. Raises
    OSError and SourceError.
    """
    if not options.explain or options.fields or archive_format(file, limits):
        return options
    lines = sample_lines(file, options.encoding)
    if lines is None:
        head = b"".join(head_blocks(file, options.encoding, limits))
        lines = head.split(b"\n")[:_HEAD_LINES]
    names = fields_that_explain(lines, modified_at(file))
    return replace(options, fields=tuple(WantedField(name, over_time=True) for name in names))
