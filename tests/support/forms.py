"""Bodies of multipart forms. Imports nothing, so that the chaos runs of the image can use it."""

from typing import Any

FILE = b"one ERROR\ntwo WARN ERROR\n"


def form(parts: list[tuple[str, str | None, bytes]]) -> tuple[bytes, str]:
    """Return a multipart body and its content type."""
    body = b""
    for name, file_name, content in parts:
        disposition = f'form-data; name="{name}"'
        if file_name is not None:
            disposition += f'; filename="{file_name}"'
        body += f"--cut\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
        body += content + b"\r\n"
    return body + b"--cut--\r\n", "multipart/form-data; boundary=cut"


def analyze_form(content: bytes = FILE, file_name: str = "app.log") -> list[Any]:
    """The parts of a valid form for an analyze job."""
    payload = b'{"patterns": ["ERROR", "WARN"]}'
    return [
        ("type", None, b"analyze"),
        ("payload", None, payload),
        ("filename", file_name, content),
    ]
