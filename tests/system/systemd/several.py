"""Three machines with a listener and a worker each, and one with PostgreSQL, as docs/scaling.md
describes them. A container with an S3 server has the uploads."""

import time
from dataclasses import dataclass
from functools import partial
from subprocess import CalledProcessError

from tests.support.paths import ROOT
from tests.support.waiting import wait_for
from tests.system.docker.client import Client, exchange_inside
from tests.system.docker.engine import docker, python
from tests.system.systemd.machine import LISTENER, NAME, WORKER, Machine

BOXES = ("box1", "box2", "box3")
SLOTS = 2
LEASE_SECONDS = 10
PASSWORD = "secret-of-the-test"
S3 = f"{NAME}-s3"
COMMON = f"""
DATABASE_URL=postgresql://jobs:{PASSWORD}@db/jobs
UPLOADS_URL=s3://files/jobs
AWS_ENDPOINT_URL=http://{S3}:9000
AWS_ACCESS_KEY_ID=test
AWS_SECRET_ACCESS_KEY=test
LEASE_SECONDS={LEASE_SECONDS}
CONCURRENCY_LIMIT={SLOTS}
"""
SET_UP_DATABASE = f"""
cd /
runuser -u postgres -- psql -qc "create role jobs login password '{PASSWORD}'"
runuser -u postgres -- createdb --owner jobs jobs
echo 'host jobs jobs samenet scram-sha-256' >>/etc/postgresql/17/main/pg_hba.conf
echo "listen_addresses = '*'" >/etc/postgresql/17/main/conf.d/network.conf
systemctl restart postgresql@17-main
"""
MAKE_BUCKET = """
import urllib.request
request = urllib.request.Request('http://127.0.0.1:9000/files', method='PUT')
urllib.request.urlopen(request, timeout=20)
"""
ANALYZE = """
import json, urllib.request
lines = b'ERROR one\\nWARN two\\n' * 1000
url = 'http://127.0.0.1:5000/analyze?p=ERROR&p=WARN'
request = urllib.request.Request(url, lines, {'Accept': 'application/json'})
print(json.load(urllib.request.urlopen(request, timeout=50))['result']['counts'])
"""


@dataclass
class Machines:
    """The machine with PostgreSQL, and the three with the service."""

    database: Machine
    boxes: list[Machine]

    @classmethod
    def start(cls) -> "Machines":
        """Start all of them, and the S3 server."""
        file = str(ROOT / "tests/system/docker/files/backing.dockerfile")
        docker(
            "build", "--quiet", f"--tag={S3}", f"--file={file}", str(ROOT / "tests"), timeout=600
        )
        docker("network", "create", NAME)
        server = ("moto_server", "--host", "0.0.0.0", "--port", "9000")
        network = f"--network={NAME}"
        docker("run", "--detach", f"--name={S3}", f"--label={NAME}", network, S3, *server)
        # Installed once, for all of them: that saves the time of two installations.
        releases = f"--volume={NAME}-releases:/opt/job-service"
        database = Machine("db", network, "--network-alias=db")
        boxes = [Machine(n, network, f"--network-alias={n}", releases) for n in BOXES]
        return cls(database, boxes)

    def runners(self) -> dict[str, int]:
        """How many workers of each machine are known to be alive."""
        _, overview = self.boxes[0].client.call("GET", "/overview")
        names = [runner["name"].partition("-")[0] for runner in overview["runners"]]
        return {name: names.count(name) for name in names}

    def are_busy(self) -> bool:
        """Whether every slot runs a job."""
        return len(self.boxes[0].client.jobs("status=running&limit=50")) == len(BOXES) * SLOTS

    def ran_on(self, ids: list[str]) -> dict[str, str]:
        """The machine of the last attempt of some jobs."""
        jobs = [self.boxes[0].client.job(job_id) for job_id in ids]
        return {each["job_id"]: each["attempts"][-1]["runner"].partition("-")[0] for each in jobs}


def the_service_starts_on_three_machines(machines: Machines) -> None:
    wait_for(partial(bucket_made, S3), 60)
    machines.database.run(f"systemctl enable --quiet --now postgresql; {SET_UP_DATABASE}")
    for box in machines.boxes:
        box.write("/etc/job-service/common.env", COMMON.strip())
        box.install()
    assert machines.runners() == dict.fromkeys(BOXES, 1), machines.runners()


def bucket_made(container: str) -> bool:
    """Make the bucket of the uploads. Returns whether the S3 server was there to do it."""
    try:
        docker("exec", container, "python", "-c", MAKE_BUCKET)
    except CalledProcessError:
        return False
    return True


def all_machines_run_the_jobs_of_one_listener(machines: Machines) -> str:
    ids = [machines.boxes[0].client.sleep(30) for _ in range(len(BOXES) * SLOTS)]
    wait_for(machines.are_busy, 30)
    spread = [*machines.ran_on(ids).values()]
    assert {box: spread.count(box) for box in BOXES} == dict.fromkeys(BOXES, SLOTS), spread
    for job_id in ids:
        assert machines.boxes[1].client.final(job_id, 60)["status"] == "succeeded"
    return f"{SLOTS} at a time on each"


def a_file_that_one_machine_takes_is_read_by_another(machines: Machines) -> None:
    first, second = machines.boxes[:2]
    for box in machines.boxes:
        box.run(f"systemctl {'start' if box is second else 'stop'} {WORKER}")
    assert python(first.id, ANALYZE) == "{'ERROR': 1000, 'WARN': 1000}"
    for box in machines.boxes:
        box.run(f"systemctl start {WORKER}")


def a_port_can_be_opened_to_other_machines(machines: Machines) -> None:
    first, second = machines.boxes[:2]
    second.write(
        f"/etc/systemd/system/{LISTENER}.socket.d/port.conf",
        "[Socket]\nListenStream=\nListenStream=5000",
    )
    second.run(
        f"systemctl daemon-reload; systemctl stop {LISTENER}.service; "
        f"systemctl restart {LISTENER}.socket; systemctl start {LISTENER}.service"
    )
    assert Client("http://box2:5000", exchange_inside(first.id)).is_well()


def the_jobs_of_a_machine_that_dies_run_on_the_others(machines: Machines) -> str:
    first, last = machines.boxes[0], machines.boxes[-1]
    ids = [first.client.sleep(20) for _ in range(len(BOXES) * SLOTS)]
    wait_for(machines.are_busy, 30)
    theirs = [job_id for job_id, box in machines.ran_on(ids).items() if box == last.name]
    docker("kill", last.id)
    died_at = time.monotonic()
    wait_for(lambda: all(first.client.job(each)["attempt"] > 1 for each in theirs), 90)
    seconds = time.monotonic() - died_at
    for job_id in ids:
        job = first.client.final(job_id, 90)
        expected = ["lost", "returned"] if job_id in theirs else ["returned"]
        assert [each["outcome"] for each in job["attempts"]] == expected, job["attempts"]
    text = f"{len(theirs)} jobs ran again within {seconds:.1f} s"
    return f"{text}, with LEASE_SECONDS={LEASE_SECONDS}"


def a_machine_that_returns_works_by_itself(machines: Machines) -> None:
    last = machines.boxes[-1]
    docker("start", last.id)
    last.wait_until_started()
    wait_for(lambda: machines.runners() == dict.fromkeys(BOXES, 1), 60)
    assert last.client.final(last.client.sleep(0))["status"] == "succeeded"


def all_machines_are_updated_one_after_the_other(machines: Machines) -> None:
    """A worker of another release works beside the others, as docs/upgrading.md says."""
    ids = [machines.boxes[0].client.sleep(5) for _ in range(12)]
    for box in machines.boxes:
        (release,) = box.releases()
        box.run(f"{release}/activate", timeout=180)
    for job_id in ids:
        job = machines.boxes[0].client.final(job_id, 90)
        assert job["status"] == "succeeded", job


CHECKS = (
    all_machines_run_the_jobs_of_one_listener,
    a_file_that_one_machine_takes_is_read_by_another,
    a_port_can_be_opened_to_other_machines,
    the_jobs_of_a_machine_that_dies_run_on_the_others,
    a_machine_that_returns_works_by_itself,
    all_machines_are_updated_one_after_the_other,
)
