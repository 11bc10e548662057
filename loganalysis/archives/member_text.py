"""Opens a member for the scan: decompresses it, and refuses it if it has no lines of text."""

from dataclasses import dataclass

from loganalysis.archives.archive import Member, UnreadableMember
from loganalysis.archives.compressed_member import CompressedMember
from loganalysis.read.errors import FormatError
from loganalysis.read.formats import Format, format_of_data
from loganalysis.read.open_source import Source
from loganalysis.read.text_check import check_samples

_HEAD_BYTES = 64 << 10


@dataclass(frozen=True)
class MemberText:
    """The data of a member. `form` is how it is compressed, apart from the archive, if it is.

    `expands` is true if the data was compressed in any way.
    """

    source: Source
    form: Format | None
    expands: bool
    warnings: list[dict[str, str]]

    @property
    def format(self) -> str:
        """The name of `form`, or `plain`."""
        return self.form.name if self.form else "plain"


class Peekable(Source):
    """A source whose first bytes can be looked at before they are read."""

    def __init__(self, source: Source) -> None:
        self._source, self._head = source, memoryview(b"")

    def peek(self, size: int = _HEAD_BYTES) -> bytes:
        """The first bytes; fewer if the data is shorter, or ends with an error that comes later."""
        head = memoryview(bytearray(size))
        filled = self._source.readinto(head)
        self._head = head[:filled]
        return bytes(self._head)

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source. The first call may return only the bytes of `peek`."""
        if not self._head:
            return self._source.readinto(buffer)
        size = min(len(buffer), len(self._head))
        buffer[:size] = self._head[:size]
        self._head = self._head[size:]
        return size

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def open_text(member: Member, encoding: str | None) -> MemberText:
    """Open a member. `encoding` is a name from check_encoding, or None to detect it.

    Raises UnreadableMember, also while the source is read, and SourceError.
    """
    if member.problem:
        raise member.problem
    source, form = Peekable(member.open()), None
    head = source.peek()
    if form := format_of_data(head):
        source = Peekable(CompressedMember(source, form))
        head = source.peek()
        if format_of_data(head):
            raise UnreadableMember("unsupported", "it was compressed twice")
    try:
        warnings = check_samples([head], encoding)
    except FormatError as error:
        code = "archive" if error.is_archive else "not_text"
        raise UnreadableMember(code, f"it is {error.name}") from None
    return MemberText(source, form, member.expands or form is not None, warnings)
