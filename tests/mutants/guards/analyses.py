"""Guards of comparisons, reports and reused results."""

from tests.mutants.mutant import Mutant

COMPARISON = ("tests/server/api/analyses/test_comparison.py",)
REPORT = ("tests/server/api/analyses/test_html_report.py",)
TABLES = ("tests/server/api/analyses/test_tables.py",)
HANDLER = ("tests/server/api/analyses/test_comparison_requests.py",)
REUSE = ("tests/server/api/jobs/test_reuse.py",)

ANALYSES = (
    Mutant(
        "a change must be larger than a few percent",
        "server/api/analyses/comparison.py",
        "significant = row.p < alpha and differs",
        "significant = row.p < alpha",
        COMPARISON,
    ),
    Mutant(
        "p-values are corrected for their number",
        "server/api/analyses/comparison.py",
        "zip(rows, adjusted_for_many(raw), strict=True)",
        "zip(rows, raw, strict=True)",
        COMPARISON,
    ),
    Mutant(
        "an entry that a shortened list lacks may have been there",
        "server/api/analyses/comparison.py",
        "        return 1.0  # a bound proves only that there is more on the other side\n",
        "        pass\n",
        COMPARISON,
    ),
    Mutant(
        "an error of the job to compare with names the parameter",
        "server/jobs/validation/analysis_query.py",
        'if field == "payload.compare.job_id":',
        "if False:",
        HANDLER,
    ),
    Mutant(
        "the text of an analysis has only significant changes",
        "server/api/analyses/text_comparison.py",
        'if each["significant"]]',
        "]",
        HANDLER,
    ),
    Mutant(
        "texts of a file are no markup in a report",
        "loganalysis/report/page.py",
        "{escape(_shown(cell))}</td>",
        "{_shown(cell)}</td>",
        REPORT,
    ),
    Mutant(
        "a report shows no control characters",
        "loganalysis/report/page.py",
        r'c if c.isprintable() or c in "\n\t" else',
        "c if True else",
        REPORT,
    ),
    Mutant(
        "a spreadsheet runs no text of a file as a formula",
        "loganalysis/report/tables.py",
        "isinstance(cell, str) and cell.startswith(_FORMULA)",
        "False",
        TABLES,
    ),
    Mutant(
        "a report allows only its own style",
        "server/api/analyses/analyses.py",
        '            self.set_header("Content-Security-Policy", POLICY)\n',
        "",
        HANDLER,
    ),
    Mutant(
        "only an analysis that has succeeded can be compared",
        "server/api/analyses/analyses.py",
        "    if job.type != ANALYSIS or job.status is not Status.SUCCEEDED:",
        "    if False:",
        HANDLER,
    ),
    Mutant(
        "only the result of a success is reused",
        "storage/queries/files_by_hash.py",
        "            JobRow.status == Status.SUCCEEDED,\n",
        "",
        REUSE,
    ),
    Mutant(
        "only the result of an equal file is reused",
        "storage/queries/files_by_hash.py",
        "            UploadRow.sha256 == sha256,\n            UploadRow.size == size,\n",
        "",
        REUSE,
    ),
    Mutant(
        "only an equal question is answered from a stored result",
        "server/jobs/validation/submission.py",
        "return job_type.question(payload) == question",
        "return True",
        REUSE,
    ),
    Mutant(
        "a repeated key stands for its own job",
        "storage/queries/files_by_hash.py",
        "    if key is not None and",
        "    if False and",
        REUSE,
    ),
)
