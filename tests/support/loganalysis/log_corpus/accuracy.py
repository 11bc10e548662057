"""Grouping accuracy: the part of the lines whose group equals the labelled group exactly.

J. Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

from loganalysis.templates.mine import mine
from loganalysis.templates.shapes import shape_of


def grouping_accuracy(found: Sequence[Hashable], labels: Sequence[Hashable]) -> float:
    """Compare the groups that were found with the labelled ones. 1.0 is the best."""
    pairs = Counter(zip(found, labels, strict=True))
    by_group, by_label = Counter(found), Counter(labels)
    right = sum(
        count
        for (group, label), count in pairs.items()
        if count == by_group[group] == by_label[label]
    )
    return right / len(labels)


def templates_of_lines(lines: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """The template of each line, from all of them together."""
    shapes = [shape_of(line) for line in lines]
    templates = mine(Counter(shapes))
    return [templates[shape] for shape in shapes]
