"""MkDocs hooks: the pages that nobody writes by hand, and links out of docs/.

- A page for each model, the reference and the commands (`model_pages`, `reference_pages`).
- Pages and pictures elsewhere in the repository, such as benchmarks/RESULTS.md, are shown below
  `repository/` when a page links to them, so that one link serves GitHub and the site. Links to
  other files outside of docs/ become plain text.
"""

import os
import posixpath
import re
from pathlib import Path

import model_pages
import reference_pages
import rooms
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^ *```.*?^ *```[^\S\n]*$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
PICTURES = (".png", ".gif", ".webp", ".svg", ".jpg")
MIRROR = "repository/"
EXTRA = ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/SCALING.md", "zoo/TUNING.md")


def on_config(config):
    """Adds the generated pages to the navigation."""
    reference_pages.check_docstrings()
    nav = {name: pages for section in config.nav for name, pages in section.items()}
    nav["Models"][:0] = ["models/index.md"]
    nav["Models"] += model_pages.nav()
    nav["Reference"][:0] = reference_pages.nav()
    return config


def on_files(files, config):
    """Adds the generated pages, and what pages link to outside of docs/."""
    for path, text in {**model_pages.pages(), **reference_pages.pages()}.items():
        files.append(File.generated(config, path, content=text))
    todo = list(EXTRA)
    for file in list(files):
        if file.src_uri.endswith(".md"):
            todo += targets(file.content_string, "docs/" + file.src_uri)
    while todo:
        path = todo.pop()
        if mirrored(path) is None or files.get_file_from_path(mirrored(path)):
            continue
        files.append(File.generated(config, mirrored(path), abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            todo += targets((ROOT / path).read_text(encoding="utf-8"), path)
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes links lead to pages of the site."""
    markdown = rooms.with_drawing(markdown)
    place = place_of(page.file.src_uri)

    def changed(link):
        mark, label, target, anchor = link.groups(default="")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        if path.startswith("docs/"):
            source = path.removeprefix("docs/")
        else:
            source = mirrored(path)
        if source is None:
            return label  # a folder, or a file that is no page
        here = posixpath.dirname(page.file.src_uri)
        return f"{mark}[{label}]({posixpath.relpath(source, here or '.')}{anchor})"

    return outside_code(LINK, changed, markdown)


def outside_code(pattern, change, markdown):
    """Applies a substitution to all but code."""
    parts = FENCE.split(markdown)
    # Code within the label of a link belongs to the link.
    text, codes = "", []
    for part in parts:
        if FENCE.fullmatch(part or ""):
            codes.append(part)
            part = f"\0{len(codes) - 1}\0"
        text += part or ""
    text = pattern.sub(change, text)
    return re.sub("\0(\\d+)\0", lambda match: codes[int(match[1])], text)


def place_of(source):
    """Returns where a page of the site lies in the repository."""
    return source.removeprefix(MIRROR) if source.startswith(MIRROR) else "docs/" + source


def mirrored(path):
    """Returns the place in the site of a page or picture outside of docs/, or `None`."""
    if path.startswith(("docs/", "..")) or not path.endswith((".md", *PICTURES)):
        return None
    return MIRROR + path if os.path.isfile(ROOT / path) else None


def targets(markdown, place):
    """Returns the paths in the repository to which a page links."""
    links = LINK.findall(FENCE.sub("", markdown))
    folder = posixpath.dirname(place)
    found = [posixpath.normpath(posixpath.join(folder, target)) for _, _, target, _ in links]
    return [path for path in found if not path.startswith("docs/")]
