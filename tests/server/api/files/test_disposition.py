"""File names in Content-Disposition."""

from urllib.parse import unquote

import pytest

from server.api.files.headers import content_disposition


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("app.log", 'attachment; filename="app.log"'),
        ("a b (1).tar.gz", 'attachment; filename="a b (1).tar.gz"'),
        ("folder/app.log", 'attachment; filename="app.log"'),
        ("C:\\logs\\app.log", 'attachment; filename="app.log"'),
        ("größe.log", "attachment; filename=\"gr__e.log\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.log"),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        ("50%25.txt", "attachment; filename=\"50_25.txt\"; filename*=UTF-8''50%2525.txt"),
        ("a\r\nSet-Cookie: x", 'attachment; filename="a__Set-Cookie: x"'),
        ("evil\u202egnp.exe", 'attachment; filename="evil_gnp.exe"'),
        ("..", 'attachment; filename="file"'),
        ("a/", 'attachment; filename="file"'),
        ("", 'attachment; filename="file"'),
    ],
)
def test_a_name_is_quoted_and_encoded(name: str, header: str) -> None:
    assert content_disposition("attachment", name) == header


@pytest.mark.parametrize(
    "name", ["größe 漢字 🎉.csv", 'it\'s; a="b".txt', "\udc80.bin", "x" * 999, "ä" * 255]
)
def test_names_are_sent_in_ascii_and_read_back(name: str) -> None:
    header = content_disposition("inline", name)
    assert header.isascii()
    assert header.startswith('inline; filename="')
    _, is_encoded, encoded = header.partition("; filename*=UTF-8''")
    read = unquote(encoded) if is_encoded else header.split('"')[1]
    assert read == name[-255:].encode(errors="replace").decode()
