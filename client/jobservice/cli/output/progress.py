"""Progress of an upload and of a job, on terminals only."""

from types import TracebackType
from typing import TYPE_CHECKING, Any

from jobservice.cli.output import formats
from jobservice.cli.output.console import Output
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from rich.progress import Progress

LABEL_WIDTH = 30


class JobProgress:
    """A bar for the upload, and then one for the job. Without a terminal, it does nothing."""

    def __init__(self, output: Output, label: str):
        self._label = formats.printable(label)
        if len(self._label) > LABEL_WIDTH:
            self._label = "…" + self._label[1 - LABEL_WIDTH :]
        self._output = output
        self._is_hidden = False
        self._progress: Progress | None = None
        self._task: Any = None
        self._shown = ""

    def __enter__(self) -> "JobProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.hide()

    @property
    def is_shown(self) -> bool:
        """Whether a person sees it, so that it is worth asking for news."""
        return self._output.shows_progress and not self._is_hidden

    def received(self, done: int, total: int | None) -> None:
        """Show how much of a file has been received."""
        self._show("download", done, total, f"{formats.size(done)}{_of(total)}")

    def uploaded(self, sent: int, total: int | None) -> None:
        """Show how much of a file has been sent."""
        self._show("upload", sent, total, f"{formats.size(sent)}{_of(total)}")

    def changed(self, status: str, progress: JsonValue) -> None:
        """Show the status of a job, and its progress if that has a pair of numbers."""
        done, total = pair(progress)
        is_bytes = isinstance(progress, dict) and "bytes_done" in progress
        text = f"{formats.size(done)}{_of(total)}" if is_bytes and total else ""
        self._show("scan" if is_bytes else status, done, total, text)

    def hide(self) -> None:
        """Remove the bars from the terminal, for example before a question."""
        self._is_hidden = True
        if self._progress:
            self._progress.stop()

    def _show(self, stage: str, done: float | None, total: float | None, text: str) -> None:
        if not self.is_shown:
            return
        if self._progress is None:
            self._progress = _new_progress(self._output)
            self._progress.start()
        if stage != self._shown:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._shown = stage
            self._task = self._progress.add_task(self._label, total=total, stage=stage, amount=text)
        self._progress.update(self._task, completed=done or 0, total=total, amount=text)


def pair(progress: JsonValue) -> tuple[float | None, float | None]:
    """The numbers of a progress report such as {"rows_done": 10, "rows_total": 50}.

    (None, None) if it has no such pair.
    """
    if isinstance(progress, dict):
        for name, done in progress.items():
            if name == "done" or name.endswith("_done"):
                total = progress.get(f"{name.removesuffix('done')}total")
                if _is_number(done) and _is_number(total) and total:
                    return done, total
    return None, None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of(total: float | None) -> str:
    return f" of {formats.size(total)}" if total else ""


def _new_progress(output: Output) -> "Progress":
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[stage]}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[amount]}", markup=False),
        console=output.console,
        transient=True,
    )
