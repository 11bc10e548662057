"""`jobservice cancel`, `jobservice retry` and `jobservice delete`."""

import json

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service


@pytest.mark.heavy
def test_options_of_queued_jobs_are_changed(jobs: JobsCommand, service: Service) -> None:
    queued = service.submit("sleep", {"seconds": 0}, delay=3600)
    done = jobs.run("change", queued, "--priority", "7", "--tag", "a", "--tag", "b")
    assert (done.code, done.out) == (0, f"{queued}  changed\n")
    document = jobs.run("change", queued, "--delay", "0", "--json").document
    assert (document["priority"], document["tags"]) == (7, ["a", "b"])
    assert jobs.run("wait", queued).code == 0
    late = jobs.run("change", queued, "--priority", "1")
    assert (late.code, late.out) == (1, "")
    assert "only a queued job can be changed" in late.err
    assert jobs.run("change", queued).code == 2


def test_one_job_at_a_time_has_a_unique_key(jobs: JobsCommand) -> None:
    submit = ("submit", "sleep", "seconds=0", "--delay", "1h", "--unique-key", "cli")
    first = jobs.run(*submit).out.strip()
    refused = jobs.run(*submit, "--unique", "final")
    assert (refused.code, refused.out) == (1, "")
    assert f"the job {first} holds the unique_key 'cli'" in refused.err
    assert jobs.run(*submit, "--if-exists", "return").out.strip() == first
    again = jobs.run(*submit, "--if-exists", "return", "--json").document
    assert again == {"job_id": first, "status": "queued", "existing": True}
    assert "cli (running)" in jobs.run("show", first).out
    second = jobs.run(*submit, "--if-exists", "replace").out.strip()
    assert second not in (first, "")
    assert jobs.run("cancel", second).code == 0


def test_a_job_waits_for_others(jobs: JobsCommand, service: Service) -> None:
    first = jobs.run("submit", "sleep", "seconds=0", "--delay", "1h").out.strip()
    waiting = jobs.run(
        "submit", "sleep", "seconds=0", "--after", first[-8:], "--on-failure", "run"
    ).out.strip()
    shown = jobs.run("show", waiting).out
    assert "if they fail" in shown
    assert first in shown
    assert f"it waits for the job {first} to end" in jobs.run("explain", waiting).out
    assert jobs.run("cancel", first).code == 0
    service.wait_for_status(waiting, "succeeded")
    given = ("--input-from", waiting, "--wait")
    assert json.loads(jobs.run("submit", "collect", "label=cli", *given).out) == [
        "cli",
        {"slept": 0},
    ]


def test_a_job_waits_for_a_place_of_its_concurrency_key(jobs: JobsCommand) -> None:
    submit = ("submit", "sleep", "seconds=60", "--concurrency-key", "cli", "--max-per-key", "1")
    first, second = jobs.run(*submit).out.strip(), jobs.run(*submit).out.strip()
    assert "cli (at most 1 at once)" in jobs.run("show", second).out
    assert f"a place of its concurrency key, which {first} has" in jobs.run("explain", second).out
    assert jobs.run("cancel", second, first).code == 0


def test_named_jobs_are_canceled(jobs: JobsCommand, service: Service) -> None:
    ids = [service.submit("sleep", {"seconds": 60}) for _ in range(2)]
    service.wait_for_status(ids[0], "running")
    done = jobs.run("cancel", *ids)
    assert (done.code, done.out) == (0, "".join(f"{each}  canceled\n" for each in ids))
    assert [service.job(each)["status"] for each in ids] == ["canceled", "canceled"]


def test_all_jobs_are_tried_although_one_fails(jobs: JobsCommand, service: Service) -> None:
    ended = service.submit("sleep", {"seconds": 0})
    service.result(ended)
    later = service.submit("sleep", {"seconds": 0}, delay=60)
    done = jobs.run("cancel", ended, later)
    assert (done.code, done.out) == (1, f"{later}  canceled\n")
    assert "code job_ended" in done.err


def test_failed_jobs_run_again(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("flaky", {"notes": str(service.folder / "notes")}, max_retries=0)
    service.result(job_id)
    assert jobs.run("retry", job_id, "--json").items[0]["job_id"] == job_id
    assert service.wait_for_status(job_id, "succeeded")["client_retries"] == 1


def test_jobs_are_deleted(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0})
    service.result(job_id)
    assert jobs.run("delete", job_id[-10:]).out == f"{job_id}  deleted\n"
    assert service.call("GET", f"/jobs/{job_id}")[0] == 404


@pytest.mark.heavy
def test_filters_need_a_yes_or_a_terminal(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("note", {"notes": "unused"}, delay=60)
    refused = jobs.run("cancel", "--type", "note")
    assert (refused.code, refused.out) == (2, "")
    assert "use --yes or --dry-run" in refused.err
    counted = jobs.run("cancel", "--type", "note", "--dry-run")
    assert (counted.code, counted.out) == (0, "1 job would be changed\n")
    assert service.job(job_id)["status"] == "queued"
    done = jobs.run("cancel", "--type", "note", "--yes", "--json")
    assert done.document == {"matched": 1, "changed": 1, "dry_run": False}
    assert service.job(job_id)["status"] == "canceled"


@pytest.mark.parametrize(
    "arguments",
    [[], ["82e5abcd", "--type", "sleep"], ["--all", "--type", "sleep"]],
)
def test_a_mixture_of_ids_and_filters_is_a_usage_error(
    jobs: JobsCommand, arguments: list[str]
) -> None:
    assert jobs.run("cancel", *arguments).code == 2
    assert jobs.run("retry", *arguments).code == 2


def test_a_dry_run_of_a_cancel_counts_the_jobs_that_wait(
    jobs: JobsCommand, service: Service
) -> None:
    first = service.submit("sleep", {"seconds": 0}, delay=60)
    second = service.submit("sleep", {"seconds": 0}, after=[first])
    service.submit("sleep", {"seconds": 0}, after=[second])
    shown = jobs.run("cancel", first, "--dry-run").out
    assert shown == f"{first}  queued; 2 jobs would be canceled with it\n"
    found = jobs.run("cancel", first, "--dry-run", "--json").document
    assert found == {"job_id": first, "status": "queued", "downstream": 2}
    assert jobs.run("retry", first, "--dry-run").code == 2


def test_all_jobs_are_changed_only_with_all(jobs: JobsCommand, service: Service) -> None:
    ids = [service.submit("sleep", {"seconds": 0}, delay=60) for _ in range(2)]
    assert jobs.run("cancel", "--all", "--yes").code == 0
    assert [service.result(each)["status"] for each in ids] == ["canceled", "canceled"]


def test_a_job_has_limits_of_its_own(jobs: JobsCommand) -> None:
    submit = ("submit", "sleep", "seconds=0", "--delay", "1h", "--memory", "512M")
    more = ("--cpu-time", "5m", "--max-output", "4K", "--nice", "10")
    queued = jobs.run(*submit, *more).out.strip()
    document = jobs.run("show", queued, "--json").document
    names = ("memory_bytes", "cpu_seconds", "max_output_bytes", "nice")
    assert [document[name] for name in names] == [512 * 2**20, 300, 4096, 10]
    shown = jobs.run("show", queued).out
    for text in ("at most 537 MB", "at most 5 m", "at most 4.1 kB", "niceness"):
        assert text in shown
    changed = jobs.run("change", queued, "--memory", "1.5G", "--json").document
    assert [changed[name] for name in names] == [1536 * 2**20, 300, 4096, 10]
    for wrong in (("--memory", "512 apples"), ("--memory", "1K"), ("--nice", "20")):
        refused = jobs.run(*submit, *wrong)
        assert refused.code != 0
        assert wrong[0] in refused.err
    assert jobs.run("cancel", queued).code == 0


def test_a_retry_takes_along_what_follows(jobs: JobsCommand, service: Service) -> None:
    first = jobs.run("submit", "sleep", "seconds=0", "--delay", "1h").out.strip()
    second = jobs.run("submit", "sleep", "seconds=0", "--after", first).out.strip()
    jobs.run("cancel", first)
    service.wait_for_status(second, "canceled")
    assert jobs.run("list", "--follows", first, "--ids").out.split() == [second]
    done = jobs.run("retry", first, "--downstream")
    assert (done.code, "; 1 job after it retried, too\n" in done.out) == (0, True)
    assert service.result(second)["result"] == {"slept": 0}
