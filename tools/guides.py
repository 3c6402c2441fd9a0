"""Runs the code of documentation pages, as it stands in them.

    python tools/guides.py docs/guides/photographs.md    # and brings its pictures up to date

Blocks run in order, in one folder: `python` blocks in one namespace, lines of `sh` blocks as
commands (those of kerasgan within the process); a block with a title is a file that is written.
A comment before a block changes that:

    <!-- test: epochs=20 => epochs=1; width=64 => width=8 -->   tests replace text, for speed
    <!-- not run: reason -->                                    the block does not run at all
"""

import contextlib
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(
    r"(?:^<!-- (test|not run): (.*?) -->\n)?^```(python|sh|toml)(?: title=\"(.*?)\")?\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PICTURE = re.compile(r"\]\((?:\.\./)?(pictures/\w+/\w+\.png)\)")


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, the file that it is, and what tests replace."""

    language: str
    code: str
    title: str | None = None
    replaced: tuple = ()
    runs: bool = True

    def in_tests(self):
        """Returns the block as tests run it."""
        code = self.code
        for before, after in self.replaced:
            if before not in code:
                raise ValueError(f"There is no {before!r} to replace in:\n{code}")
            code = code.replace(before, after)
        return dataclasses.replace(self, code=code)


def blocks(page):
    """Returns the blocks of a page, in order."""
    found = []
    for comment, said, language, title, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        replaced = ()
        if comment == "test":
            replaced = tuple(tuple(each.split(" => ")) for each in said.split("; "))
        runs = comment != "not run" and (language != "toml" or bool(title))
        found.append(Block(language, code, title or None, replaced, runs))
    return found


def run(page, folder, tests=False):
    """Runs the code of a page in a folder.

    Args:
        page: `pathlib.Path` of the page.
        folder: Folder for its files.
        tests: Whether to replace what the page's comments say.

    Returns:
        dict, the namespace of its Python code.
    """
    names = {"__name__": "guide"}
    with at(folder):
        for block in blocks(page):
            if block.runs:
                run_block(block.in_tests() if tests else block, names, page.name)
    return names


@contextlib.contextmanager
def at(folder):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run_block(block, names, title):
    if block.title:
        Path(block.title).write_text(block.code, encoding="utf-8")
    elif block.language == "python":
        exec(compile(block.code, title, "exec"), names)
    else:
        for line in block.code.replace("\\\n", " ").splitlines():
            run_command(line)


def run_command(line):
    """Runs a line of shell code; fails if it fails."""
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[0] != "kerasgan":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(["bash", "-c", line], check=True, env={**os.environ, "PATH": path})
        return
    from kerasgan import cli

    try:
        cli.main(words[1:])
    except SystemExit as stopped:
        if stopped.code:
            raise RuntimeError(f"This command failed: {line}") from None


def pictures(page):
    """Returns the paths of a page's own pictures, below docs/."""
    return PICTURE.findall(page.read_text(encoding="utf-8"))


def main(pages):
    for page in [Path(page).resolve() for page in pages]:
        with tempfile.TemporaryDirectory() as folder:
            run(page, folder)
            for picture in pictures(page):
                made = Path(folder) / Path(picture).name
                if made.is_file():
                    (DOCS / picture).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(made, DOCS / picture)
        print(f"Done: {page}", flush=True)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    main(sys.argv[1:])
