import importlib.util
from types import ModuleType

import pytest

from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_sync", ROOT / "client/generate_sync.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_blocking_client_has_nothing_asynchronous(generator: ModuleType) -> None:
    for text in generator.generated().values():
        code = text.replace("../_async", "").replace("jobservice._async", "")
        assert "async" not in code.lower()
        assert "await" not in code


def test_a_source_is_translated(generator: ModuleType) -> None:
    source = (
        "async def f(client: AsyncClient) -> None:\n"
        "    async with client:\n"
        "        async for job in client.list():\n"
        "            await async_sleep(1)\n"
        "    await client.aclose()\n"
    )
    assert generator.generate(source) == generator.HEADER + (
        "def f(client: Client) -> None:\n"
        "    with client:\n"
        "        for job in client.list():\n"
        "            sleep(1)\n"
        "    client.close()\n"
    )
