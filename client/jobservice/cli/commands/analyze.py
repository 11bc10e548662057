"""`jobservice analyze`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from jobservice.cli import completion, exits, ids, local, waiting
from jobservice.cli.command import command
from jobservice.cli.commands.report import write
from jobservice.cli.commands.submit import open_file
from jobservice.cli.options import JobOptions, seconds
from jobservice.cli.output import analysis_tables, comparison_table
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.json_values import Json
from jobservice.requests import analyze_payload

if TYPE_CHECKING:
    from jobservice import Job

EXAMPLES = (
    "analyze app.log",
    "analyze app.log -p ERROR -p WARN",
    "analyze --local app.log --html report.html",
    "analyze app.log.gz -f patterns.txt -i --samples 3",
    "analyze access.log --set nginx",
    "analyze --together web1.log web2.log -p ERROR",
    "analyze access.log -p ' 502 ' --field client --field bytes",
    "analyze access.log --field bytes --field status --over-time",
    "analyze support.tar.gz -m '*.log' -p ERROR",
    "analyze - -e 'user\\d+ failed' --histogram minute < app.log",
    "analyze app.log -p ERROR --histogram auto --from=-1h",
    "analyze app.log --all ERROR --all database --none retry",
    "analyze app.log --records multi_line --all ERROR --all Timeout",
)


@dataclass
class Patterns:
    """What to count."""

    pattern: list[str] | None = option("--pattern -p", "TEXT", "A text to count; repeat it.")
    regex: list[str] | None = option("--regex -e", "REGEX", "A regex (RE2) to count; repeat it.")
    pattern_file: list[str] | None = option(
        "--file -f", "PATH", "A file with one text on each line."
    )
    set: list[str] | None = option(
        "--set",
        "NAME",
        "A pattern set, as `pattern-sets` lists them; repeat it.",
        autocompletion=completion.pattern_sets,
    )

    all: list[str] | None = option("--all", "TEXT", "Count lines that contain all such texts.")
    any: list[str] | None = option("--any", "TEXT", "Of such texts, these lines must contain one.")
    none: list[str] | None = option("--none", "TEXT", "These lines must not contain such a text.")

    word: bool = flag("--word -w", "Only whole words: ERROR is not in ERRORS.")

    def read(self) -> list[Json]:
        """The texts and the regexes, each once. Empty lines of files are skipped."""
        texts = list(self.pattern or [])
        for name in self.pattern_file or []:
            try:
                lines = Path(name).read_text("utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8"
                raise typer.BadParameter(f"{name} cannot be read: {reason}") from None
            texts += [line for line in lines if line]
        word = {"word": True} if self.word else {}
        found: list[Json] = [{"pattern": text, **word} for text in dict.fromkeys(texts)]
        regexes = dict.fromkeys(self.regex or [])
        found += [{"pattern": regex, "regex": True, **word} for regex in regexes]
        lists = {"all": self.all, "any": self.any, "none": self.none}
        combined = {
            name: [{"pattern": text, **word} if word else text for text in each]
            for name, each in lists.items()
            if each
        }
        return [*found, combined] if combined else found


@dataclass
class Together:
    """Whether several files make one job."""

    together: bool = flag("--together -t", "Analyze all files in one job.")

    def sources(self, files: list[str], stdin_name: str) -> list[tuple[str, Any]]:
        """The name and the file, or the list of files, for each job."""
        groups = self.groups(files)
        opened = [[open_file(name, stdin_name) for name in group] for group in groups]
        return [
            (", ".join(group), several if len(several) > 1 else several[0])
            for group, several in zip(groups, opened, strict=True)
        ]

    def groups(self, files: list[str]) -> list[list[str]]:
        """The files of each analysis."""
        return [files] if self.together else [[file] for file in files]


@dataclass
class Report:
    """What to report. The fields are parameters of `Client.analyze`."""

    ignore_case: bool = flag("--ignore-case -i", "Ignore the case of ASCII letters.")
    histogram: Literal["none", "second", "minute", "hour", "day", "auto"] = option(
        "--histogram",
        "UNIT",
        "Matching lines per second, minute, hour or day; auto: curves of all lines.",
        "none",
    )
    samples: int = option("--samples", "N", "Show N matching lines, at most 20.", 0)
    context: int | None = option(
        "--context -C", "N", "Spread samples over time, and show N lines around each, at most 5."
    )
    lines: bool = option("--lines/--no-lines", None, "Whether to count matching lines, too.", True)
    records: str = option(
        "--records",
        "RULE",
        "Count records of several lines: multi_line, or start=REGEX for their first line.",
        "lines",
    )
    compare: str | None = option("--compare", "ID", "Then show the changes since this job.")
    reuse: bool = flag("--reuse", "Take the result of an equal job, if there is one.")
    overview: bool | None = option(
        "--overview/--no-overview", None, "Show an overview beside the patterns."
    )
    explain: bool = flag("--explain", "Say what explains each burst, and what came first.")
    since: str | None = option(
        "--from", "TIME", "Only lines from this time on: RFC 3339, or such as -1h."
    )
    until: str | None = option("--until", "TIME", "Only lines before this time.")
    encoding: str | None = option("--encoding", "NAME", "Encoding of the file, such as utf-16.")
    member: list[str] | None = option(
        "--member -m", "GLOB", "Members of an archive to analyze; repeat it."
    )

    def values(self) -> Json:
        """The parameters for the client."""
        found = asdict(self)
        found["members"] = found.pop("member") or []
        if self.records.startswith("start="):
            found["records"] = {"start": self.records.removeprefix("start=")}
        return found


@dataclass
class Fields:
    """The fields whose values to count."""

    field: list[str] | None = option(
        "--field",
        "NAME[=REGEX]",
        "A field of the file's format, or one that a regex finds; repeat it.",
    )
    top: int = option("--top", "N", "Show the N most frequent values of fields.", 20)

    over_time: bool = flag("--over-time", "Show curves of the fields over time, too.")

    def read(self) -> list[str | dict[str, str]]:
        """The fields as the client takes them."""
        return [_field(text) for text in self.field or []]


def _field(text: str) -> str | dict[str, str]:
    name, separator, regex = text.partition("=")
    return {"name": name, "regex": regex} if separator else text


@dataclass
class Run:
    """How the command runs, beside the job."""

    local: bool = flag("--local", "Analyze here, without a service.")
    page: str | None = option("--html --report", "PATH", "Also write an HTML page to this file.")
    name: str = option("--name", "NAME", "Name of standard input.", "stdin")
    by_hash: bool = flag("--by-hash", "Do not send files that the service has.")
    wait_timeout: float | None = option(
        "--wait-timeout", "TIME", "Wait at most 90, 5m or 2h.", parser=seconds
    )

    def check(self, files: list[str], together: bool) -> None:
        """Raise BadParameter if these files do not fit."""
        if self.page is not None and len(files) > 1 and not together:
            raise typer.BadParameter("--html takes one FILE, or several with --together")
        if self.by_hash and ("-" in files or (together and len(files) > 1)):
            raise typer.BadParameter(
                "--by-hash needs files that can be read twice, one for each job"
            )


def _require_readable(files: list[str]) -> None:
    """Raise BadParameter if a file cannot be read, before the first one is analyzed."""
    for name in files:
        open_file(name)


_OF_JOBS = ("compare", "reuse", "by_hash", "wait_timeout")
"""Options of the groups above that mean nothing without a service."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "analyze", EXAMPLES)(analyze)


def analyze(
    session: Session,
    patterns: Patterns,
    report: Report,
    together: Together,
    fields: Fields,
    options: JobOptions,
    run: Run,
    files: list[str] = argument("FILE...", "Files to upload; - is standard input."),
) -> int:
    """Count texts and regexes in files, and show them as tables.

    Without any, show an overview: templates of messages, levels, status classes and bursts.

    Files may be compressed with gzip, zstd, xz or bzip2, and may be zip or tar archives.
    """
    run.check(files, together.together)
    counted = patterns.read() or None
    values = {**report.values(), "pattern_sets": patterns.set or []}
    values |= {"fields": fields.read(), "top": fields.top, "fields_over_time": fields.over_time}
    if run.local:
        local.refuse(options, (report, _OF_JOBS), (run, _OF_JOBS))
        _require_readable(files)
        analysis = local.LocalAnalysis(session, analyze_payload(counted, **values))
        return analysis.run(together.groups(files), run.name, run.page)
    values |= {"by_hash": run.by_hash, **options.given()}
    sources = together.sources(files, run.name)
    client = session.patient_client
    if report.compare is not None:
        values["compare"] = ids.resolve(client, report.compare)
    jobs: list[Job] = []
    for name, source in sources:
        with JobProgress(session.output, name) as progress:
            try:
                started = client.analyze(source, counted, on_progress=progress.uploaded, **values)
                jobs.append(started)
                waiting.wait(started, progress, run.wait_timeout)
            except KeyboardInterrupt:
                progress.hide()
                if not jobs:
                    return waiting.unconfirmed(session)
                return waiting.interrupted(session, jobs)
        if len(jobs) > 1 and not session.output.as_json:
            session.output.line()
        show(session, name, jobs[-1], several=len(sources) > 1)
    if run.page is not None and jobs[-1].status == "succeeded":
        write(Path(run.page), jobs[-1].report())
    return exits.of_statuses([job.status for job in jobs])


def show(session: Session, name: str, job: "Job", several: bool) -> None:
    """Show the result of a job. With several files, the name of each comes first."""
    output = session.output
    if output.as_json:
        document: Json = dict(job.data.raw)
        output.item(document) if several else output.document(document)
        return
    if several and job.status == "succeeded":
        output.line(f"{name}:")
    if job.status == "succeeded":
        analysis_tables.show(output, job.data.result)
        if (job.data.payload or {}).get("compare"):
            output.line()
            comparison_table.show(output, job.comparison(), every=False)
        output.hint(f"{'the earlier ' if job.data.reused_from else ''}job {job.id}")
    else:
        error = job.data.error
        reason = f": {error.type}: {error.message}" if error else ""
        output.report(f"{name}: job {job.id} {job.status}{reason}")
