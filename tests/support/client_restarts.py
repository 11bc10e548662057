"""Restarts a listener while clients use it, and checks that it loses and doubles no job."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil

from jobservice import Client
from tests.support.programs import Service
from tests.support.waiting import wait_for


def restart(service: Service, kill: bool = True) -> None:
    """Kill the listener, or stop it, and start it again on the same port."""
    if kill:
        service.listener.die()
    else:
        service.listener.stop()
    service.listener = service.program("server", PORT=service.base_url.rpartition(":")[2])
    service.listener.logged("listening")


def connections(service: Service) -> int:
    """How many connections of clients the listener has."""
    found = psutil.Process(service.listener.process.pid).net_connections("tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED for each in found)


def has_connection(service: Service) -> bool:
    """Whether a client is connected to the listener."""
    return connections(service) > 0


def submit_during_kills(service: Service, jobs: int, kills: int, threads: int = 8) -> Counter[int]:
    """Submit numbered jobs while the listener is killed and started again; return how often the
    service has stored each number.

    The number is in the payload of a job that no worker runs.
    """
    answered: list[str] = []
    done = threading.Event()

    def submit(number: int) -> None:
        answered.append(client.submit("sleep", {"seconds": number}).id)

    def kill() -> None:
        for number in range(1, kills + 1):
            wait_until_answered(jobs * number // (kills + 1))
            restart(service)

    def wait_until_answered(enough: int) -> None:
        wait_for(lambda: len(answered) >= enough or done.is_set(), timeout=600)

    with Client(service.base_url) as client:
        killer = threading.Thread(target=kill)
        killer.start()
        with ThreadPoolExecutor(threads) as pool:
            try:
                list(pool.map(submit, range(jobs)))
            finally:
                done.set()
        killer.join()
        assert len(set(answered)) == jobs
        stored = list(client.list())
    assert {job.id for job in stored} == set(answered)
    return Counter(job.data.payload["seconds"] for job in stored if job.data.payload)
