"""Media types by the ends of names."""

import pytest

from storage.records.media_types import media_type_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("app.log", "text/plain"),
        ("APP.LOG", "text/plain"),
        ("table.csv", "text/csv"),
        ("table.csv.gz", "application/gzip"),
        ("a.tar.gz", "application/gzip"),
        ("a.tgz", "application/gzip"),
        ("a.log.zst", "application/zstd"),
        ("a.html", "text/html"),
        ("a.svg", "image/svg+xml"),
        ("photo.png", "image/png"),
        ("folder.html/photo.jpg", "image/jpeg"),
        ("http://example.org/a.png", "image/png"),
        ("data:text/html,x", "application/octet-stream"),
        ("a.html\nx", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("", "application/octet-stream"),
        (".png", "application/octet-stream"),
        ("größe.jsonl", "application/jsonl"),
    ],
)
def test_the_end_of_the_name_decides(name: str, expected: str) -> None:
    assert media_type_of(name) == expected
