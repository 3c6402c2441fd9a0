"""Writes docs/tutorial.ipynb, the first guide as a notebook, with the outputs of its code.

    python tools/make_notebook.py            # runs it: a minute or two
    python tools/make_notebook.py --check    # exits with 1 if its text or code is not the guide's

Needs the extra `docs`.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "guides" / "photographs.md"
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
FENCE = re.compile(r"(^```(?:python|sh)\n.*?^```\n)", re.DOTALL | re.MULTILINE)
SHOW = "from IPython.display import Image, display\n\n"


def cells(text):
    """Returns the cells of a guide: text, code, and commands behind `!`. A picture of the guide
    becomes code that shows the file which the guide's own code wrote; code that does not run is
    text."""
    text = re.sub(r"^<!-- not run:.*?-->\n```python$", "```py", text, flags=re.MULTILINE)
    text = re.sub(r"^<!--.*?-->\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\s*The same guide as a notebook.*?\.ipynb\]\([^)]*\)\.", "", text)
    made = []
    for part in FENCE.split(text):
        if part.startswith("```python"):
            made.append(("code", part.partition("\n")[2].removesuffix("```\n")))
        elif part.startswith("```sh"):
            lines = part.partition("\n")[2].removesuffix("```\n").splitlines()
            made.append(("code", "\n".join(f"!{line}" for line in lines if line)))
        else:
            made += with_pictures(part)
    return [(kind, source.strip()) for kind, source in made if source.strip()]


def with_pictures(text):
    """Yields text cells, and for each picture code that shows it."""
    for piece in re.split(r"^(!\[.*?\]\(.*?\)\n)", text, flags=re.MULTILINE):
        picture = re.match(r"!\[.*?\]\(\.\./pictures/\w+/(\w+\.png)\)", piece)
        if picture:
            yield "code", f'{SHOW}display(Image("{picture[1]}"))'
        else:
            yield "markdown", on_its_own(piece)


def on_its_own(text):
    """Makes links to other pages lead there from docs/."""
    return re.sub(r"\]\((?!https?:|#)(?:\.\./)?([^)]*\.md[^)]*)\)", r"](guides/\1)", text)


def notebook(text):
    """Returns a notebook without outputs, as JSON holds it."""
    made = []
    for place, (kind, source) in enumerate(cells(text)):
        cell = {"cell_type": kind, "id": f"cell-{place}", "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        made.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def executed(made, folder, timeout=1800):
    """Runs a notebook in a folder; its outputs lose paths and progress bars."""
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.from_dict(made)
    # Commands are those of this Python, whose environment need not be activated.
    places = [os.path.dirname(sys.executable), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(places)
    NotebookClient(
        made, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    for cell in made.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = tidy(output["text"], folder)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("text") != ""]
    return made


def tidy(text, folder):
    """Returns what a command printed, without bars, noise of TensorFlow and the folder's path."""
    kept = []
    for line in text.replace(str(folder), ".").splitlines():
        line = re.sub("\x1b\\[[0-9;]*m|\x08", "", line.split("\r")[-1])
        if line.strip() and not re.search(
            "━|█|^[IWE]\\d{4} |^WARNING: All log|rebuild TensorFlow", line
        ):
            kept.append(line)
    return "\n".join(kept) + "\n" if kept else ""


def sources(made):
    return [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]]


def main(arguments):
    text = GUIDE.read_text(encoding="utf-8")
    if arguments == ["--check"]:
        same = sources(json.loads(NOTEBOOK.read_text(encoding="utf-8"))) == cells(text)
        return 0 if same else f"{NOTEBOOK.name} is not the guide: run tools/make_notebook.py"
    with tempfile.TemporaryDirectory() as folder:
        made = executed(notebook(text), folder)
    NOTEBOOK.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
