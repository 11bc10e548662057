"""The undocumented parts of Tornado are the ones that `iostream.py` was checked with."""

import hashlib
import inspect
import re
from pathlib import Path

import pytest
import tornado
from tornado.iostream import IOStream

from server.http.connections import iostream

CHECK = "check `iostream.py` and its tests with it, then renew TESTED and the digests"
DIGESTS = {
    "__init__": "ec314464ee107da2",
    "_add_io_state": "a8ead1f9e5f6e9af",
    "_check_closed": "961e3c90634016c7",
    "_handle_events": "b9464803bd15fbf4",
    "_handle_read": "94f161d7616d1381",
    "_read_from_buffer": "378f090194db1842",
    "_read_to_buffer": "3db9deb7ce2c6db8",
    "_try_inline_read": "03c73e8fd749f0d4",
}
"""The digest of each method that the module calls, replaces or relies on."""


def test_the_release_of_tornado_is_the_tested_one() -> None:
    assert tornado.version == iostream.TESTED, f"Tornado {tornado.version} is new here: {CHECK}"


@pytest.mark.parametrize("method", DIGESTS)
def test_the_undocumented_methods_of_tornado_are_unchanged(method: str) -> None:
    if not hasattr(IOStream, method):
        pytest.fail(f"Tornado {tornado.version} has no IOStream.{method}: {CHECK}")
    digest = hashlib.sha256(inspect.getsource(getattr(IOStream, method)).encode()).hexdigest()
    changed = f"Tornado {tornado.version} has another IOStream.{method}: {CHECK}"
    assert digest[:16] == DIGESTS[method], changed


def test_no_other_module_uses_undocumented_parts_of_tornado() -> None:
    server = Path(iostream.__file__).parents[1]
    used = r"\._(handle_events|try_inline_read|add_io_state|read_buffer|check_closed|state = )"
    found = [
        file.relative_to(server).as_posix()
        for file in server.rglob("*.py")
        if re.search(used, file.read_text())
    ]
    assert found == ["connections/iostream.py"]
