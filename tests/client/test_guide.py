"""The examples of docs/client.md and of the client's README run, in their order."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.programs import Service


@pytest.mark.heavy
@pytest.mark.parametrize("page", ["docs/client.md", "client/README.md"])
def test_the_examples_of_a_page_run(
    page: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.log").write_bytes(b"ERROR timeout after 31 ms\nwarn twice, warn\n")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    output = io.StringIO()
    for block in blocks:
        code = block.replace("http://localhost:5000", service.base_url)
        with redirect_stdout(output):
            exec(compile(code, page, "exec"), names)
    if page == "docs/client.md":
        names["client"].close()  # type: ignore[attr-defined]
        printed = output.getvalue()
        assert "{'ERROR': 1, 'WARN': 2, 'timeout after \\\\d+ ms': 1}" in printed
        assert "43 of 43 bytes" in printed
        assert "invalid_request payload.seconds" in printed
