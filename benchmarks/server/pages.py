"""How fast the web front end is with a million stored jobs and hundreds of clients that follow.

    python -m benchmarks.server.pages [--jobs 1000000] [--followers 500] [--times 10]

Measures in headless Chromium the time to the first paint of each page, the time until the page
shows its data, and the time from a cancel request to the frame that shows the job as canceled.
"""

import argparse
import asyncio
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from benchmarks.server.streams import Follower
from benchmarks.speed.ours import port_of
from benchmarks.storage.stored_jobs import fill
from tests.support.browsers import FLAGS, installed_browser
from tests.support.programs import Service, running_service
from tests.support.stores import open_bench

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
READY = "() => document.querySelector('h1') && !document.querySelector('.loading')"
SHOWN = """id => { window.seen = new Promise(done => {
    const badge = `tr:has(a[href="/ui/jobs/${id}"]) .badge.canceled`;
    const shown = () => document.querySelector(badge);
    const look = () => shown() ? done(Date.now()) : requestAnimationFrame(look);
    look();
}); }"""


@contextmanager
def filled(jobs: int) -> Iterator[Service]:
    """A listener on a store with many jobs, without a worker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'jobs.db'}"
        with open_bench(url, folder) as bench:
            bench.clock.now = round(time.time() * 1000)
            fill(bench, jobs)
        with running_service(url, folder) as service:
            yield service


@contextmanager
def followed(service: Service, followers: int) -> Iterator[None]:
    """A block in which many clients follow all jobs."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def connect() -> None:
        for _ in range(followers):
            new = partial(Follower, defaultdict(list))
            await loop.create_connection(new, "127.0.0.1", port_of(service))

    asyncio.run_coroutine_threadsafe(connect(), loop).result()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)


def open_times(page: Page, path: str, times: int) -> tuple[float, float]:
    """The median milliseconds to the first paint and to the data of a page.

    It is opened from another page of the service, as by a link: from an empty page, the browser has
    to start a new process first, because of the header Cross-Origin-Opener-Policy.
    """
    paints, shows = [], []
    for _ in range(times):
        page.goto("/ui/schedules")
        page.goto(path)
        page.wait_for_function(READY)
        shows.append(page.evaluate("performance.now()"))
        page.wait_for_function(PAINTED)
        paints.append(page.evaluate(PAINTED))
    return median(paints), median(shows)


def to_the_pixel(service: Service, page: Page, times: int) -> float:
    """The median milliseconds from a cancel request to the frame that shows it."""
    page.goto("/ui/jobs")
    page.wait_for_function(READY)
    page.wait_for_function("document.querySelector('#connection').textContent === 'Live'")
    found = []
    for _ in range(times):
        job_id = service.submit(payload={"seconds": 600})
        page.wait_for_selector(f'tr:has(a[href="/ui/jobs/{job_id}"])')
        page.evaluate(SHOWN, job_id)
        began = time.time()
        service.call("POST", f"/jobs/{job_id}/cancel")
        found.append(page.evaluate("window.seen") - 1000 * began)
    return float(median(found))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.pages")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--followers", type=int, default=500)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    with (
        filled(options.jobs) as service,
        followed(service, options.followers),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=FLAGS)
        page = browser.new_page(base_url=service.base_url)
        measure(service, page, options.times)
        browser.close()


def measure(service: Service, page: Page, times: int) -> None:
    """Measure the pages and the cancel, and print the table."""
    say: Callable[[str], None] = partial(print, flush=True)
    job_id = service.call("GET", "/jobs?status=failed&limit=1")[1]["items"][0]["job_id"]
    say("| page | first paint, ms | data shown, ms |\n|---|---|---|")
    paths = ("/", "/ui/jobs", "/ui/jobs?status=failed", f"/ui/jobs/{job_id}", "/ui/submit", "/docs")
    for path in paths:
        paint, show = open_times(page, path, times)
        say(f"| `{path.replace(job_id, 'ID')}` | {paint:.0f} | {show:.0f} |")
    say(f"\nFrom a cancel to its pixel: {to_the_pixel(service, page, times):.0f} ms")


if __name__ == "__main__":
    main()
