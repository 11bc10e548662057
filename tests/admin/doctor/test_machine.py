"""The checks of the machine: file systems, disk, permissions, limits, ports and clock."""

import os
import resource
import socket
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from admin.doctor.checks import (
    clock,
    disk,
    file_systems,
    isolation,
    limits,
    permissions,
    ports,
    stranded_jobs,
)
from admin.doctor.checks.file_systems import of_mount
from admin.doctor.findings.finding import Finding
from admin.support_bundle import bundle
from runner.pool.linux import cgroups, landlock, namespaces, seccomp
from storage.files.mounts import Mount, mount_of
from tests.admin.doctor.conftest import MakeSubject
from tests.support.programs import running_service

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /mnt/with\\040space rw,noatime - nfs4 server:/export rw,vers=4.2
31 30 8:3 / /mnt/with\\040space/disk rw - xfs /dev/sdb1 rw,nobarrier
"""


def levels(findings: Iterable[Finding]) -> list[str]:
    return [each.level for each in findings]


def of_options(kind: str, *options: str) -> Mount:
    return Mount("/data", kind, frozenset(options))


def test_the_innermost_mount_of_a_folder_counts() -> None:
    assert mount_of(Path("/mnt/with space/a"), MOUNTS).kind == "nfs4"
    assert mount_of(Path("/mnt/with spaces"), MOUNTS).kind == "ext4"
    found = mount_of(Path("/mnt/with space/disk/a/b"), MOUNTS)
    assert found.kind == "xfs"
    assert "nobarrier" in found.options


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "ceph"])
def test_a_database_on_a_network_file_system_is_an_error(kind: str) -> None:
    assert levels(of_mount("DATA_DIR=/data", of_options(kind, "rw"), True)) == ["error"]
    assert levels(of_mount("UPLOADS_URL=/data", of_options(kind, "rw"), False)) == ["warning"]


def test_memory_and_mounts_without_barriers_are_reported() -> None:
    assert levels(of_mount("DATA_DIR=/data", of_options("tmpfs"), True)) == ["warning"]
    assert levels(of_mount("DATA_DIR=/data", of_options("ext4", "barrier=0"), True)) == ["error"]
    assert levels(of_mount("DATA_DIR=/data", of_options("ext4", "rw"), True)) == []


def test_a_sync_that_takes_no_time_or_long_is_reported(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, expected in ((0.000001, "warning"), (0.005, "ok"), (0.2, "warning")):
        monkeypatch.setattr(file_systems, "sync_seconds", lambda _folder, s=seconds: s)
        assert [*file_systems.check(subject())][-1].level == expected


def test_measuring_a_sync_leaves_no_file(tmp_path: Path) -> None:
    assert file_systems.sync_seconds(tmp_path) > 0
    assert list(tmp_path.iterdir()) == []


def test_little_space_and_few_inodes_are_reported(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(disk.check(subject(MIN_FREE_BYTES="1"))) == ["ok"]
    (found,) = disk.check(subject(MIN_FREE_BYTES="1000000g"))
    assert found.level == "error"
    assert "507" in found.why
    status = SimpleNamespace(
        f_blocks=10**6, f_bavail=10**6, f_frsize=4096, f_files=10**6, f_favail=50
    )
    monkeypatch.setattr(os, "statvfs", lambda _path: status)
    assert levels(disk.check(subject())) == ["ok", "error"]


def test_files_that_others_may_read_are_reported(subject: MakeSubject, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    assert levels(permissions.check(subject())) == ["ok"]
    (data / "jobs.db").touch()
    (data / "jobs.db").chmod(0o644)
    assert levels(permissions.check(subject())) == ["ok"]  # no other user reaches it
    data.chmod(0o755)
    (found,) = permissions.check(subject())
    assert found.level == "warning"
    assert f"chmod go= {data} {data / 'jobs.db'}" in found.fix


def test_a_folder_of_another_user_is_an_error(
    subject: MakeSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda *_args, **_more: False)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    (found,) = permissions.check(subject())
    assert found.level == "error"
    assert found.fix.startswith("`chown -R")


def test_a_secret_file_that_all_may_read_is_reported(subject: MakeSubject, tmp_path: Path) -> None:
    secret = tmp_path / "cookie"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o644)
    found = [*permissions.check(subject(COOKIE_SECRET_FILE=str(secret)))]
    assert [each.what for each in found if each.level == "warning"] == [
        f"COOKIE_SECRET_FILE={secret} can be read by all users of this machine"
    ]
    assert "0123456789abcdef" not in repr(found)


def test_a_file_with_hashes_of_tokens_may_be_readable(subject: MakeSubject, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    hashed = f"# of the team\n\nme:admin:sha256:{64 * 'a'}\n"
    file.write_text(hashed)
    file.chmod(0o644)
    tokens = subject(API_TOKENS_FILE=str(file))
    assert "warning" not in levels(permissions.check(tokens))
    file.write_text(hashed + "bob:read:a-token-of-16-characters\n")
    (found,) = [each for each in permissions.check(tokens) if each.level == "warning"]
    assert found.what == f"API_TOKENS_FILE={file} can be read by all users of this machine"


def test_few_open_files_and_processes_are_reported(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {resource.RLIMIT_NOFILE: (256, 256), resource.RLIMIT_NPROC: (20, 20)}
    monkeypatch.setattr(resource, "getrlimit", few.__getitem__)
    monkeypatch.setattr(limits, "_of_group", {"memory.max": 2**20}.get)
    assert levels(limits.check(subject())) == ["warning", "error", "error"]


def test_a_group_that_is_large_enough_is_fine(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: unlimited)
    monkeypatch.setattr(limits, "_of_group", {"memory.max": 2**30, "pids.max": 4096}.get)
    assert levels(limits.check(subject())) == ["ok"]
    assert levels(limits.check(subject(JOB_MEMORY_BYTES="1g"))) == ["note"]


def test_a_port_of_another_program_is_an_error(subject: MakeSubject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        (found,) = ports.check(subject(HOST="127.0.0.1", PORT=port))
        assert found.level == "error"
        assert port in found.fix
    assert levels(ports.check(subject(HOST="127.0.0.1", PORT=port))) == ["ok"]


def test_a_port_where_a_listener_answers_is_fine(subject: MakeSubject, tmp_path: Path) -> None:
    with running_service("", tmp_path) as service:
        port = service.base_url.rpartition(":")[2]
        (found,) = ports.check(subject(HOST="127.0.0.1", PORT=port))
    assert found.level == "ok"
    assert "a listener answers" in found.what


@pytest.mark.parametrize("host", ["::1", "::"])
def test_a_listener_at_an_address_of_ipv6_is_found(
    subject: MakeSubject, tmp_path: Path, host: str
) -> None:
    with running_service("", tmp_path, HOST=host) as service:
        port = service.base_url.rpartition(":")[2]
        made = subject(HOST=host, PORT=port)
        assert levels(ports.check(made)) == ["ok"]
        assert made.listener_url == f"http://[::1]:{port}"
        assert "job_service_" in bundle.listener_metrics(made)


def test_every_address_of_a_name_is_checked(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        both = [("::1", port, 0, 0), ("127.0.0.1", port)]
        families = (socket.AF_INET6, socket.AF_INET)
        found = [(family, 1, 6, "", each) for family, each in zip(families, both, strict=True)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
        (other,) = ports.check(subject(HOST="localhost", PORT=str(port)))
    assert (other.level, "127.0.0.1" in other.what) == ("error", True)
    assert levels(ports.check(subject(HOST="localhost", PORT=str(port)))) == ["ok"]


def test_an_address_of_another_machine_is_an_error(subject: MakeSubject) -> None:
    (found,) = ports.check(subject(HOST="192.0.2.1", PORT="5000"))
    assert found.level == "error"


@pytest.mark.parametrize(
    ("host", "environ", "command"),
    [
        ("box1", {}, "kill -CONT"),
        ("0a1b2c3d4e5f", {}, "docker unpause 0a1b2c3d4e5f"),
        ("jobs-worker-7f9c", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "pod jobs-worker-7f9c)"),
    ],
)
def test_the_way_to_end_a_worker_that_hangs_works_from_outside_its_container(
    monkeypatch: pytest.MonkeyPatch, host: str, environ: dict[str, str], command: str
) -> None:
    monkeypatch.setattr(stranded_jobs, "is_in_container", lambda: False)
    assert command in stranded_jobs.way_to_end(f"{host}-17-0a1b2c3d-aabbcc", environ)
    monkeypatch.setattr(stranded_jobs, "is_in_container", lambda: True)
    inside = stranded_jobs.way_to_end(f"{host}-17-0a1b2c3d-aabbcc", environ)
    assert "kill -CONT" not in inside


def test_a_clock_that_was_never_set_is_an_error(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = subject()
    for synchronized, expected in ((True, "ok"), (None, "ok"), (False, "note")):
        monkeypatch.setattr(clock, "_is_synchronized", lambda s=synchronized: s)
        assert levels(clock.check(made)) == [expected]
    made.now = 100.0
    assert levels(clock.check(made)) == ["error"]


def test_the_kernel_says_whether_the_clock_is_synchronized() -> None:
    assert clock._is_synchronized() in (True, False, None)


@pytest.mark.parametrize(
    ("abi", "expected"), [(-1, "warning"), (1, "warning"), (2, "note"), (5, "note"), (6, "ok")]
)
def test_the_level_of_landlock_says_how_well_jobs_are_isolated(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch, abi: int, expected: str
) -> None:
    monkeypatch.setattr(landlock, "abi_version", lambda: abi)
    assert levels(isolation.check_kernel(subject())) == [expected]


@pytest.mark.parametrize(("lack", "expected"), [("Operation not permitted", "note"), (None, "ok")])
def test_jobs_without_mount_namespaces_are_reported(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch, lack: str | None, expected: str
) -> None:
    monkeypatch.setattr(namespaces, "why_impossible", lambda _view: lack)
    monkeypatch.setattr(seccomp, "is_supported", lambda: True)
    monkeypatch.setattr(cgroups, "lack_of_delegation", lambda: None)
    assert levels(isolation.check(subject())) == ["ok", expected, "ok"]


def test_jobs_without_network_need_seccomp(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seccomp, "is_supported", lambda: False)
    monkeypatch.setattr(cgroups, "lack_of_delegation", lambda: None)
    monkeypatch.setattr(namespaces, "why_impossible", lambda _view: None)
    assert levels(isolation.check(subject())) == ["note", "ok", "ok"]
    assert levels(isolation.check(subject(JOB_NETWORK="none"))) == ["error", "ok", "ok"]
