"""Sends the progress of a call from the job process to its keeper."""

import logging
import socket

from runner.pool.job_process.results import validated_progress
from runner.pool.protocol import messages

log = logging.getLogger("job")


class ProgressReports:
    """Sends the progress of one call, which is dropped if it is too long or the channel is full.

    The output of the job says once that progress is too long: the channel being full is normal.
    """

    def __init__(self, channel: socket.socket, nonce: str) -> None:
        self._channel, self._nonce = channel, nonce
        self._has_warned = False

    def __call__(self, text: str) -> None:
        """Send progress, as JSON text. Raises InvalidProgress."""
        fields = {"kind": "progress", "nonce": self._nonce, "text": validated_progress(text)}
        if messages.try_send(self._channel, fields) or self._has_warned:
            return
        if (size := messages.encoded_size(fields)) > messages.MESSAGE_BYTES:
            self._has_warned = True
            log.warning(
                f"progress of {size} bytes was dropped: it may have {messages.MESSAGE_BYTES};"
                " report numbers and short texts, and write the rest to the log or to a file"
            )
