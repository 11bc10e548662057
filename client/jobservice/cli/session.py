"""The output of a command, and its clients of the service."""

import contextlib
from collections.abc import Callable, Iterable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from jobservice.cli import exits
from jobservice.cli.config import Address
from jobservice.cli.output.console import Output
from jobservice.errors import ApiError

if TYPE_CHECKING:
    from jobservice import Client

QUICK_SECONDS = 3.0
"""How long a command tries to reach a service that does not answer."""

PATIENT_SECONDS = 60.0
"""How long a command tries again that has reached the service before."""


class Session:
    """The output and the clients of one command."""

    def __init__(self, find_address: Callable[[], Address], output: Output):
        self._find_address = find_address
        self.output = output
        self._clients: list[Client] = []

    @cached_property
    def address(self) -> Address:
        """The service that options, or the environment names."""
        return self._find_address()

    @cached_property
    def client(self) -> "Client":
        """A client that gives up soon if the service cannot be reached."""
        return self._connect(QUICK_SECONDS)

    @cached_property
    def patient_client(self) -> "Client":
        """A client that survives a restart of the service: for uploads and for long waits.

        A wrong address is still reported soon.
        """
        with contextlib.suppress(ApiError):  # something answers, so it may recover
            self.client.health()
        return self._connect(PATIENT_SECONDS)

    def try_each(self, names: Iterable[str], run: Callable[[str], None]) -> int:
        """Call a function with each name. All are tried, and errors are reported for each.

        Returns the exit code of the last error, or 0 without errors.
        """
        code = exits.SUCCEEDED
        for name in names:
            try:
                run(name)
            except ApiError as error:
                self.output.error(error)
                code = exits.of_error(error)
        return code

    def delete_each(self, names: Iterable[str], delete: Callable[[str], None]) -> int:
        """Delete what has these names, and say so. Returns the exit code, as `try_each`."""

        def delete_one(name: str) -> None:
            delete(name)
            if self.output.as_json:
                self.output.item({"name": name, "deleted": True})
            else:
                self.output.line(f"{name}  deleted")

        return self.try_each(names, delete_one)

    def _connect(self, retry_seconds: float) -> "Client":
        from jobservice import Client

        address = self.address
        client = Client(address.url, address.token or "", retry_seconds=retry_seconds)
        self._clients.append(client)
        return client

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client in self._clients:
            client.close()
