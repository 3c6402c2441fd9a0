"""Docstrings as Markdown: examples become code, lists get the empty line that they need."""

import re

import griffe


class AsMarkdown(griffe.Extension):
    """Changes all docstrings that the reference shows."""

    def on_object(self, *, obj, loader, **kwargs):
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring):
    """Returns a docstring as Markdown; what is Markdown already stays."""
    lines, bullet, fence = [], None, None
    for line in docstring.splitlines():
        indent = len(line) - len(line.lstrip())
        if fence is None and line.lstrip().startswith(">>> "):
            fence = " " * indent + "```"
            lines.append(fence + "pycon")
        elif fence is not None and not line.strip():
            lines.append(fence)
            fence = None
        elif fence is None and re.match(r"\s*- ", line):
            if bullet != indent and lines and lines[-1].strip():
                lines.append("")
            bullet = indent
        elif line.strip() and bullet is not None and indent <= bullet:
            bullet = None
        lines.append(line)
    return "\n".join(lines if fence is None else [*lines, fence])
