"""Write constraints.txt from environments that passed the tests, one for each Python.

    for v in 3.10 3.11 3.12 3.13; do
        python$v -m venv /tmp/v$v && /tmp/v$v/bin/pip install -e .[dev,docs,tfgan]
    done
    python3 tools/make_constraints.py /tmp/v3.*/bin/python > constraints.txt

A package gets an environment marker only where its version differs between the Pythons.
"""

import json
import re
import subprocess
import sys

NOT_OURS_TO_PIN = {"kerasgan", "pip"}
LIST_PACKAGES = """
import importlib.metadata, json, sys
packages = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
print(json.dumps([sys.version_info[:2], packages]))
"""


def installed(python):
    """Returns the (major, minor) of an interpreter, and {package: version} of its environment."""
    output = subprocess.run(
        [python, "-I", "-c", LIST_PACKAGES], check=True, capture_output=True, text=True
    ).stdout
    version, packages = json.loads(output)
    names = {re.sub(r"[-_.]+", "-", name).lower(): v for name, v in packages.items()}
    return tuple(version), {k: v for k, v in names.items() if k not in NOT_OURS_TO_PIN}


def constraints(environments):
    """Merge {(major, minor): {package: version}} into the lines of a constraints file."""
    lines = []
    for name in sorted(set().union(*environments.values())):
        pins = [(py, env[name]) for py, env in sorted(environments.items()) if name in env]
        # The Pythons from which a version of the package applies.
        starts = [pin for i, pin in enumerate(pins) if i == 0 or pin[1] != pins[i - 1][1]]
        for i, (python, version) in enumerate(starts):
            bounds = []
            if i > 0:
                bounds.append('python_version >= "{}.{}"'.format(*python))
            if i + 1 < len(starts):
                bounds.append('python_version < "{}.{}"'.format(*starts[i + 1][0]))
            marker = "; " + " and ".join(bounds) if bounds else ""
            lines.append(f"{name}=={version}{marker}")
    return lines


def main(pythons):
    if not pythons:
        sys.exit(__doc__)
    environments = dict(map(installed, pythons))
    versions = ", ".join("{}.{}".format(*v) for v in sorted(environments))
    print(f"# What CI runs, on Python {versions}. Written by tools/make_constraints.py.")
    print(*constraints(environments), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
