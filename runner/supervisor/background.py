"""Tasks that wait for the network, run in a thread beside the main loop.

The main loop has a lease to renew, so it must never wait for a slow network. Imports no other
module of this project.
"""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0


class BackgroundTasks:
    """Runs tasks in order, in a thread that the first task starts; or inline, without a thread."""

    def __init__(self, inline: bool):
        """With `inline`, `submit` runs the task itself: for tasks that do not use the network."""
        self._inline = inline
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._closed = False

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task, now or in the thread.

        An inline task raises to the caller. An exception in the thread is logged. Raises
        RuntimeError if the thread cannot be started; the next `submit` tries again.
        """
        if self._inline:
            return task()
        if self._thread is None:
            thread = Thread(target=self._run, name="background-tasks", daemon=True)
            thread.start()
            self._thread = thread  # only after a successful start, so that a refusal is retried
        self._queue.put(task)

    def close(self) -> None:
        """Discard the waiting tasks, and wait up to CLOSE_SECONDS for the running one."""
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            if self._closed:
                return
            try:
                task()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning(
                    "maintenance of files failed, it will be retried", extra={"reason": reason}
                )
