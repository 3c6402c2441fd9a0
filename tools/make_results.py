"""Writes the tables of README.md from the JSON that measured runs left: `make results`.

A table stands between `<!-- name -->` and `<!-- /name -->`. With `--check` nothing is written, and
the exit code is 1 where a table is stale.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def demo_table():
    """The scores of `make demo`, from `zoo/demo/result.json`."""
    result = json.loads((ROOT / "zoo/demo/result.json").read_text())
    height, width, _ = result["image_shape"]
    rows = [
        (
            f"`make demo`: {result['n_fake']:,} samples, {result['n_real']:,} test images, "
            f"{height} x {width}",
            result["metric"],
        ),
        ("---", "---:"),
        ("untrained generator", f"{result['untrained']:.0f}"),
        (
            f"after {result['training_minutes']:.1f} minutes on two cores",
            f"{result['trained']:.0f}",
        ),
        ("floor: real training images in place of samples", f"{result['floor']:.0f}"),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


TABLES = {"demo": demo_table}


def filled(text):
    """Returns a page with every table made anew."""
    for name, table in TABLES.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        text, found = re.subn(pattern, lambda m, t=table: m[1] + t() + m[2], text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"README.md must have one place for the table {name}. Found: {found}")
    return text


def main(arguments):
    page = ROOT / "README.md"
    text = page.read_text()
    if arguments == ["--check"]:
        return 0 if filled(text) == text else 1
    page.write_text(filled(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
