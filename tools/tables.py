"""Markdown tables of measured results."""

import statistics
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"


def table(header, rows, left=1):
    """Returns a Markdown table whose first `left` columns are text."""
    rule = ["---" if place < left else "---:" for place in range(len(header))]
    lines = [header, rule, *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in lines)


def groups(lines, *keys):
    """Groups lines by the values of some keys, in the order of their first occurrence."""
    found = {}
    for line in lines:
        found.setdefault(tuple(line[key] for key in keys), []).append(line)
    return found


def mean(lines, key, form):
    """Mean of a value over seeds, with its standard deviation if there are several."""
    values = [line[key] for line in lines]
    text = format(statistics.mean(values), form)
    return f"{text} ± {format(statistics.stdev(values), form)}" if len(values) > 1 else text
