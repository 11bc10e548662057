"""Clients that unmodified generators make from /openapi.json work: they submit, upload, wait, list
and cancel.
"""

import shutil
from pathlib import Path

import pytest

from tests.generators.tools import FOLDER, documented_command, find_tool, run
from tests.support.programs import Service

pytestmark = pytest.mark.timeout(300)
VALIDATOR = Path("/usr/share/gocode/src/gopkg.in/validator.v2")
"""The package that clients in Go need, from Debian: modules cannot be downloaded everywhere."""


def run_program(service: Service, folder: Path, *command: str | Path, **environ: str) -> None:
    """Run a program that uses a client. It reads these variables, and prints `done` at the end."""
    environ |= {"JOBS_URL": service.base_url, "JOBS_TOKEN": service.token}
    assert run(*command, folder=folder, **environ).endswith("done\n")


def run_python(service: Service, folder: Path, name: str, client: str) -> None:
    """Run a program in Python, with a client in a folder."""
    python = find_tool("python")
    run_program(service, folder, python, FOLDER / "programs" / name, PYTHONPATH=client)


def run_typescript(service: Service, folder: Path, name: str) -> None:
    """Compile a program in TypeScript, and run it."""
    compiler, node = find_tool("tsc"), find_tool("node")
    (folder / "node_modules").symlink_to(Path(compiler).parents[1])
    shutil.copy(FOLDER / "programs" / name, folder / "program.ts")
    options = ("--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck")
    run(compiler, *options, "--outDir", "out", "program.ts", folder=folder)
    run_program(service, folder, node, "out/program.js")


def run_openapi_generator(url: str, target: str, folder: Path) -> None:
    """Generate a client of a target with OpenAPI Generator, in the folder `client`."""
    find_tool("java")
    command = documented_command("openapi-generator-cli", url)
    command[command.index("-g") + 1] = target
    run(*command, folder=folder)


def test_the_client_of_openapi_python_client_works(
    open_service: Service, service: Service, folder: Path
) -> None:
    command = documented_command("openapi-python-client", open_service.base_url)
    # It does not know these types, and would leave out the calls that have them.
    known = "application/octet-stream"
    types = f"application/zip: {known}, application/offset+octet-stream: {known}"
    (folder / "config.yml").write_text(f"content_type_overrides: {{{types}}}")
    run(*command, "--config", "config.yml", "--fail-on-warning", folder=folder)
    run_python(service, folder, "with_openapi_python_client.py", "job-service-client")


def test_the_models_of_datamodel_code_generator_work(
    open_service: Service, service: Service, folder: Path
) -> None:
    run(*documented_command("datamodel-codegen", open_service.base_url), folder=folder)
    run_python(service, folder, "with_datamodel_code_generator.py", ".")


def test_the_python_client_of_openapi_generator_works(
    open_service: Service, service: Service, folder: Path
) -> None:
    run_openapi_generator(open_service.base_url, "python", folder)
    run_python(service, folder, "with_openapi_generator.py", "client")


def test_the_go_client_of_openapi_generator_works(
    open_service: Service, service: Service, folder: Path
) -> None:
    go = find_tool("go")
    if not VALIDATOR.exists():
        pytest.skip("golang-gopkg-validator.v2-dev is not installed")
    run_openapi_generator(open_service.base_url, "go", folder)
    validator = Path(shutil.copytree(VALIDATOR, folder / "validator"))
    (validator / "go.mod").write_text("module gopkg.in/validator.v2\n")
    client = folder / "client"
    run(go, "mod", "edit", "-replace", "gopkg.in/validator.v2=../validator", folder=client)
    (client / "program").mkdir()
    shutil.copy(FOLDER / "programs/with_openapi_generator.go", client / "program/main.go")
    run(go, "build", "-mod=mod", "-o", "../program", "./program", folder=client)
    run_program(service, folder, "./program")


def test_the_typescript_client_of_openapi_generator_works(
    open_service: Service, service: Service, folder: Path
) -> None:
    run_openapi_generator(open_service.base_url, "typescript-fetch", folder)
    run_typescript(service, folder, "with_openapi_generator.ts")


def test_a_client_with_the_types_of_openapi_typescript_works(
    open_service: Service, service: Service, folder: Path
) -> None:
    run(*documented_command("openapi-typescript", open_service.base_url), folder=folder)
    run_typescript(service, folder, "with_openapi_typescript.ts")
