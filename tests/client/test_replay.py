"""A bundle of one service is replayed at another. Both are of this file alone."""

from pathlib import Path

from jobservice import Client
from tests.support.programs import running_service


def test_a_bundle_is_replayed_at_another_service(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with (
        running_service("", tmp_path / "one") as one,
        running_service("", tmp_path / "other") as other,
    ):
        other.worker()
        with Client(one.base_url) as here, Client(other.base_url) as there:
            here.put_queue("only-here")
            job = here.analyze(("app.log", b"one ERROR\n"), ["ERROR"], queue="only-here")
            done = here.files.download_bundle(job, tmp_path, files=True)
            assert done.path
            new = there.replay(done.path, wait=30)
            assert new.data.result["counts"] == {"ERROR": 1}
            assert (new.data.queue, job.refresh().status) == ("default", "queued")
