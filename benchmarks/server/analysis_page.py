"""How fast a browser shows the page of an analysis of a large log.

    python -m benchmarks.server.analysis_page [--size-mb 1000] [--patterns 20] [--times 10]

A listener and a worker analyze a log. Headless Chromium then opens the page of the job, each time
with an empty cache. Prints the milliseconds from the request to the frame after the first chart,
the CPU time of the page's main thread until then, and the number of elements.
"""

import argparse
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.loganalysis.log_file import make_log
from tests.support.browsers import FLAGS, installed_browser
from tests.support.programs import Service, running_service

CHART = """new Promise((done) => {
    const look = () => document.querySelector(".time-chart canvas")
        ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look);
    look();
})"""
WORDS = ["ERROR", "WARN", "FATAL", "DEBUG", "timeout", "retrying", "denied", "refused", "payment"]


def analyze(service: Service, file: Path, patterns: int) -> str:
    """Let curl send the file. Returns the id of the job, which has counted this many patterns."""
    names = [*WORDS, *(f"user{n:02d}" for n in range(patterns))][:patterns]
    payload = json.dumps({"patterns": names, "histogram": "minute", "samples": 5})
    fields = ("type=analyze", f"payload={payload}", f"filename=@{file}")
    form = [part for each in fields for part in ("-F", each)]
    url = f"{service.base_url}/jobs"
    answer = subprocess.run(["curl", "-sS", *form, url], capture_output=True, check=True).stdout
    job_id = str(json.loads(answer)["job_id"])
    if service.result(job_id, timeout=600)["status"] != "succeeded":
        raise SystemExit(f"the analysis failed: {service.job(job_id)['error']}")
    return job_id


def open_page(browser: Browser, service: Service, job_id: str) -> tuple[float, float, int]:
    """Milliseconds to the first chart, milliseconds of CPU time until then, and elements."""
    context = browser.new_context(base_url=service.base_url)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(f"/ui/jobs/{job_id}", wait_until="commit")
    shown = page.evaluate(CHART)
    found = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    nodes = page.evaluate("document.querySelectorAll('*').length")
    context.close()
    return shown, 1000 * found["ThreadTime"], nodes


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.analysis_page")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--patterns", type=int, default=20)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        running_service("", Path(name)) as service,
        sync_playwright() as playwright,
    ):
        make_log(Path(name) / "app.log", options.size_mb * 1_000_000)
        service.worker()
        job_id = analyze(service, Path(name) / "app.log", options.patterns)
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=FLAGS)
        shown, cpu, nodes = zip(
            *(open_page(browser, service, job_id) for _ in range(options.times)), strict=True
        )
        browser.close()
    say = partial(print, flush=True)
    say(f"first chart {median(shown):.0f} ms, CPU {median(cpu):.0f} ms, {max(nodes)} elements")


if __name__ == "__main__":
    main()
