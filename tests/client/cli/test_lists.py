"""`jobservice list`: filters, limits, and output for people and programs."""

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service, uuids


def test_jobs_are_listed_newest_first_with_whole_ids(jobs: JobsCommand, service: Service) -> None:
    ids = [service.submit("sleep", {"seconds": 0}) for _ in range(3)]
    for job_id in ids:
        service.result(job_id)
    done = jobs.run("list", "--limit", "3", "--type", "sleep")
    heading, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert heading.split() == ["ID", "TYPE", "STATUS", "CREATED", "RAN", "QUEUE", "NOTE"]
    assert [row.split()[:3] for row in rows] == [[each, "sleep", "succeeded"] for each in ids[::-1]]


def test_filters_select_jobs(jobs: JobsCommand, service: Service) -> None:
    failed = service.submit("hopeless", {"notes": str(service.folder / "notes")})
    service.result(failed)
    done = jobs.run("list", "--status", "failed,canceled", "-s", "queued", "-t", "hopeless")
    assert uuids(done.out) == [failed]
    assert "NotRetryable: it will never work" in done.out
    assert jobs.run("list", "-s", "failed", "--before", "2020-01-31", "--ids").out == ""
    assert uuids(jobs.run("list", "--after", "2020-01-31", "--text", failed).out) == [failed]


def test_tags_select_jobs_and_are_shown(jobs: JobsCommand) -> None:
    tagged = ["--tag", "nightly", "--tag", "customer:42", "--metadata", '{"order": 7}']
    both = jobs.run("submit", "sleep", "seconds=0", *tagged).out.strip()
    one = jobs.run("submit", "sleep", "seconds=0", "--tag", "nightly").out.strip()
    assert jobs.run("wait", "--tag", "nightly").code == 0
    assert jobs.run("list", "--tag", "nightly", "--ids").out.split() == [one, both]
    assert jobs.run("list", "--tag", "customer:42", "--tag", "nightly", "--ids").out.split() == [
        both
    ]
    shown = jobs.run("show", both).out
    assert "nightly, customer:42" in shown
    assert '{"order": 7}' in shown
    again = jobs.run("wait", "--tag", "nightly")
    assert (again.code, again.out) == (0, "")


def test_metadata_must_be_a_json_object(jobs: JobsCommand) -> None:
    for text in ("{", "[1]", "x"):
        done = jobs.run("submit", "sleep", "seconds=0", "--metadata", text)
        assert (done.code, "metadata" in done.err) == (2, True)


def test_all_pages_are_read(jobs: JobsCommand, service: Service) -> None:
    ids = {service.submit("sleep", {"seconds": 0}) for _ in range(130)}
    everything = jobs.run("list", "--all", "--ids").out.split()
    assert ids <= set(everything)
    assert len(jobs.run("list", "--ids", "-n", "120").out.split()) == 120
    assert len(jobs.run("list", "--ids").out.split()) == 50


def test_json_is_a_line_for_each_job(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0})
    items = jobs.run("list", "--text", job_id, "--json").items
    assert [(item["job_id"], item["type"]) for item in items] == [(job_id, "sleep")]


def test_a_wrong_filter_is_a_usage_error_of_the_service(jobs: JobsCommand) -> None:
    done = jobs.run("list", "--status", "done")
    assert (done.code, done.out) == (2, "")
    assert "field status" in done.err


def test_a_reader_that_stops_early_is_no_error(jobs: JobsCommand, service: Service) -> None:
    for _ in range(3):
        service.submit("sleep", {"seconds": 0})
    done = jobs.shell("jobservice list --json | head -n 1")
    assert (done.code, done.err) == (0, "")
    assert len(done.items) == 1


def test_control_characters_of_jobs_do_not_reach_the_output(
    jobs: JobsCommand, service: Service
) -> None:
    job_id = service.upload(b"x", {"patterns": ["\x1b]0;owned\x07"]})
    service.result(job_id)
    for command in (["show", job_id], ["list", "--text", job_id]):
        assert "\x1b" not in jobs.run(*command).out
