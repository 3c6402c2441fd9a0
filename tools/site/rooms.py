"""The drawing of the rooms, from the import contract of pyproject.toml."""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PLACE = "<!-- rooms -->"


def with_drawing(markdown):
    """Returns a page with the drawing in its place, if it has one."""
    return markdown.replace(PLACE, drawing()) if PLACE in markdown else markdown


def drawing():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    rows = (
        "".join(f"<span>{room.strip()}</span>" for room in layer.split("|"))
        for layer in contract["layers"]
    )
    return '<div class="rooms">' + "".join(f"<div>{row}</div>" for row in rows) + "</div>"
