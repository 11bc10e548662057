"""Proxies in front of a service, as programs that end with a test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.recipes import require_program

NGINX_CONF = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
user root;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/jobs.conf;
}}
"""


def nginx_command(folder: Path, jobs_conf: str) -> list[str]:
    """Write the files of an nginx with these servers. Returns the command that starts it."""
    program = require_program("nginx", "nginx-light")
    (folder / "jobs.conf").write_text(jobs_conf)
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder))
    return [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


@contextmanager
def running_proxy(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a started proxy, which writes `proxy.log` in the folder. Ends it after the block."""
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)  # Caddy waits for streams
        process.kill()
        process.wait()
