"""Writes all pages with measured results: `make results`.

The tables of README.md and docs/, benchmarks/RESULTS.md, SCALING.md's table, the zoo's gallery and
model cards, and the zoo's configuration for TensorFlow Serving. Tables are delimited by
`<!-- name -->` and `<!-- /name -->`. With `--check`, writes nothing and exits with 1 if a page is
stale.
"""

import re
import sys
from pathlib import Path

import benchmark_pages
import cost_pages
import zoo_pages

from kerasgan import zoo

ROOT = Path(__file__).resolve().parents[1]


def page_with_tables(path, tables):
    """Returns a page with its tables updated."""
    text = path.read_text()
    for name, make in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        text, found = re.subn(pattern, lambda m, t=make: m[1] + t() + m[2], text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"{path} must have one place for the table {name}. Found: {found}")
    return text


def pages():
    """Returns the text of each page by path."""
    scaling = ROOT / "benchmarks" / "SCALING.md"
    scores = ROOT / "docs" / "guides" / "scores.md"
    found = {
        scores: page_with_tables(scores, {"demo": zoo_pages.demo_table}),
        scaling: page_with_tables(scaling, {"scaling": cost_pages.scaling_table}),
        ROOT / "benchmarks" / "RESULTS.md": benchmark_pages.results_page(),
        ROOT / "export" / "serving" / "models.config": zoo_pages.serving_page(),
    }
    if zoo.names():
        for path, table, make in (
            (ROOT / "README.md", "pictures", zoo_pages.zoo_pictures),
            (ROOT / "docs" / "zoo.md", "zoo", zoo_pages.zoo_tables),
        ):
            found[path] = page_with_tables(path, {table: make})
        tuning = ROOT / "zoo" / "TUNING.md"
        found[tuning] = page_with_tables(tuning, {"seeds": zoo_pages.seeds_table})
        found[ROOT / "zoo" / "README.md"] = zoo_pages.gallery_page()
        found |= zoo_pages.card_pages()
    return found


def main(arguments):
    made = pages()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if arguments == ["--check"]:
        print(*(f"stale: {path.relative_to(ROOT)}" for path in stale), file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
