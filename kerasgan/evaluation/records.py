"""Results of benchmarks as JSON lines."""

import json
import os
from pathlib import Path

from kerasgan.utils.errors import UserError

RESULTS = Path("benchmarks/results")  # where a checkout keeps them; in the current folder elsewhere


def title(column, metric):
    """Returns what a table calls a score of `benchmarks/fid.py`.

    Args:
        column: Its key in the results, such as "kernel_distance".
        metric: The Frechet distance's name there: "FID", or such as "FD[lite0]".

    Example:

    >>> title("kernel_distance", "FID"), title("kernel_distance", "FD[lite0]")
    ('KID', 'kernel distance[lite0]')
    """
    if column == "distance":
        return metric
    short = {"kernel_distance": "KID", "classifier_score": "IS"}
    if metric == "FID":
        return short.get(column, column)
    return column.replace("_", " ") + metric.removeprefix("FD")


def read(path):
    """Returns the results of a JSON-lines file as a list of dicts; empty where there is none.

    A last line that a killed run left half-written is left out.

    Args:
        path: The file.

    Raises:
        UserError: If another line is not JSON.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return []
    results = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            break
        try:
            results.append(json.loads(line))
        except json.JSONDecodeError:
            raise UserError(
                f"{path}, line {number}: not JSON. Restore or delete the line."
            ) from None
    return results


def like_last(lines, *keys):
    """Returns the results that agree with the last one: of one measurement, without earlier ones.

    Args:
        lines: list of dicts, as `read` gives them.
        keys: Those in which they must agree.

    Example:

    >>> like_last([{"run": 1, "ms": 9}, {"run": 2, "ms": 7}, {"run": 2, "ms": 8}], "run")
    [{'run': 2, 'ms': 7}, {'run': 2, 'ms': 8}]
    """
    return [line for line in lines if all(line[key] == lines[-1][key] for key in keys)]


def append(path, result):
    """Adds one result to a JSON-lines file.

    Args:
        path: The file; its folder is made where missing.
        result: dict of JSON values; NaN and infinity are refused.

    Example:

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "results.jsonl")
    >>> append(path, {"fd": 12.5})
    >>> read(path)
    [{'fd': 12.5}]
    """
    line = json.dumps(result, allow_nan=False).encode() + b"\n"
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:  # what others append meanwhile stays
        content = path.read_bytes()
        file.truncate(content.rfind(b"\n") + 1)  # drops a line that a killed run left
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
