"""Guards of explanations: what is reported as the cause of a burst."""

from tests.mutants.mutant import Mutant

_CAUSES = ("tests/loganalysis/explain/test_causes.py",)
_RANGES = ("tests/loganalysis/explain/test_ranges.py",)
_EXPLANATIONS = ("tests/loganalysis/explain/test_explanations.py",)
_API = ("tests/server/api/analyses/test_range.py",)
_FILE = "loganalysis/explain/causes.py"

EXPLANATIONS = (
    Mutant(
        "a difference that may be an accident is no cause",
        _FILE,
        "if _chance(each.evidence) * len(series) * ranges <= ALPHA",
        "if True",
        _CAUSES,
    ),
    Mutant(
        "the evidence is divided by the variation of the share",
        _FILE,
        "        evidence /= variation(series.row, total, start, end, share, is_less)\n",
        "        pass\n",
        _CAUSES,
    ),
    Mutant(
        "a cause has more lines per bin, not only a larger share",
        _FILE,
        "is_less and rate * LEAST_RATIO <= usual and",
        "is_less and",
        _CAUSES,
    ),
    Mutant(
        "a silence is no accident",
        "loganalysis/explain/ranges.py",
        "chance / spread >= log(len(used) ** 2 * series / ALPHA)",
        "True",
        _RANGES,
    ),
    Mutant(
        "a range that is mostly that of a stronger one is left out",
        "loganalysis/explain/ranges.py",
        "        if not any(_is_same(candidate, other) for other in chosen):\n",
        "        if True:\n",
        _RANGES,
    ),
    Mutant(
        "identifiers do not explain bursts",
        "loganalysis/explain/fields.py",
        "return len(distinct) <= max(_MOST_DISTINCT * len(values), 20)",
        "return True",
        _EXPLANATIONS,
    ),
    Mutant(
        "a range outside of the log is refused",
        "loganalysis/explain/explain.py",
        "    if start >= end:\n",
        "    if False:\n",
        _EXPLANATIONS,
    ),
    Mutant(
        "a range needs a timeline",
        "server/api/analyses/range.py",
        '        if not (result.get("timeline") or {}).get("start"):\n',
        "        if False:\n",
        _API,
    ),
)
