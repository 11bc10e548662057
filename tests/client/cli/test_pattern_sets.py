"""`jobservice pattern-sets` and `jobservice analyze --set`."""

import json

from tests.support.jobs_command import JobsCommand


def test_a_set_is_saved_listed_shown_used_and_deleted(jobs: JobsCommand) -> None:
    (jobs.folder / "patterns.txt").write_text("\ufeffERROR\n\nWARN\nERROR\n")
    file = str(jobs.folder / "patterns.txt")
    saved = jobs.run("pattern-sets", "save", "shop", file, "--description", "of the shop")
    assert (saved.code, saved.out) == (0, "shop  2 patterns, version 1\n")
    rows = [line.split() for line in jobs.run("pattern-sets").out.splitlines()]
    assert rows[0] == ["SET", "PATTERNS", "SAVED", "BY", "CHANGED", "DESCRIPTION"]
    (row,) = [row for row in rows if row[0] == "shop"]
    assert row[-3:] == ["of", "the", "shop"]
    (row,) = [row for row in rows if row[0] == "nginx"]
    assert row[2:4] == ["built", "in"]
    shown = jobs.run("pattern-sets", "show", "shop").out.splitlines()
    assert [line.split() for line in shown] == [
        ["PATTERN", "FINDS", "OPTIONS"],
        ["ERROR", "ERROR"],
        ["WARN", "WARN"],
    ]
    (jobs.folder / "app.log").write_text("ERROR\nINFO\n")
    log = str(jobs.folder / "app.log")
    done = jobs.run("analyze", log, "--set", "shop", "-p", "INFO", "--json")
    assert done.document["result"]["counts"] == {"INFO": 1, "ERROR": 1, "WARN": 0}
    assert done.document["payload"]["pattern_sets"] == ["shop"]
    assert jobs.run("pattern-sets", "delete", "shop").out == "shop  deleted\n"
    names = [item["name"] for item in jobs.run("pattern-sets", "list", "--json").items]
    assert "shop" not in names
    assert "sshd" in names


def test_the_output_of_show_can_be_saved_again(jobs: JobsCommand) -> None:
    shown = jobs.run("pattern-sets", "show", "sshd", "--json")
    file = jobs.folder / "sshd.json"
    file.write_text(shown.out)
    saved = jobs.run("pattern-sets", "save", "our-sshd", str(file), "--json")
    assert saved.document["patterns"] == shown.document["patterns"]
    assert saved.document["description"] == shown.document["description"]
    file.write_text(json.dumps(["x", {"all": ["a", "b"], "none": [{"pattern": "c"}]}]))
    assert jobs.run("pattern-sets", "save", "our-sshd", str(file)).code == 0
    shown = jobs.run("pattern-sets", "show", "our-sshd")
    assert "all: a, b; none: c" in shown.out
    refused = jobs.run("pattern-sets", "save", "our-sshd", str(file), "--new")
    assert (refused.code, refused.out) == (1, "")
    assert "there is a pattern set 'our-sshd' already" in refused.err
    assert jobs.run("pattern-sets", "delete", "our-sshd").code == 0


def test_errors_name_commands_and_files(jobs: JobsCommand) -> None:
    assert jobs.run("pattern-sets", "show", "unknown").code == 1
    assert "pattern-sets save NAME FILE" in jobs.run("pattern-sets", "show", "unknown").err
    assert jobs.run("pattern-sets", "delete", "nginx").code == 1
    file = jobs.folder / "patterns.json"
    for text in ("{", "5", '{"patterns": "x"}'):
        file.write_text(text)
        assert jobs.run("pattern-sets", "save", "a", str(file)).code == 2
    assert jobs.run("pattern-sets", "save", "a", str(jobs.folder / "none.txt")).code == 2
    log = jobs.folder / "app.log"
    log.write_text("x\n")
    done = jobs.run("analyze", str(log), "--set", "ngnix")
    assert done.code == 2
    assert "did you mean nginx?" in done.err
    assert "`jobservice pattern-sets` lists all" in done.err
