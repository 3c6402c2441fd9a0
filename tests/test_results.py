"""Tables in the README match the committed results."""

import subprocess
import sys


def test_tables_are_not_stale(pytestconfig):
    script = pytestconfig.rootpath / "tools" / "make_results.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"run `make results`: {done.stderr}"
