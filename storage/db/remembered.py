"""The connections of all threads, remembered by an engine."""

from typing import Any


class ConnectionRegistry:
    """Keeps every connection it opens, so that the connections of all threads can be closed."""

    def __init__(self, *args: Any, **kwargs: Any):
        self.opened: list[Any] = []
        super().__init__(*args, **kwargs)

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        self.opened.append(connection)
        return connection

    def _close(self, connection: Any) -> None:
        super()._close(connection)  # type: ignore[misc]
        if connection in self.opened:
            self.opened.remove(connection)

    def close_all(self) -> None:
        """Close the connections of all threads; none of them may be in use."""
        self.close()  # type: ignore[attr-defined]
        for connection in self.opened:
            connection.close()
        self.opened.clear()
