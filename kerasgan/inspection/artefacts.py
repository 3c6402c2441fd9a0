"""Tells what lies at a path."""

from pathlib import Path

from kerasgan import zoo
from kerasgan.export import metadata


def identify(what):
    """Returns the kind of an artefact, and its path.

    Args:
        what: A path, or the name of a zoo entry.

    Returns:
        Tuple of a kind and a `pathlib.Path`. Kinds are "saved_model" (its newest version),
        "tflite", "onnx", "page" (a site for browsers), "images" (any other folder) and "model",
        which `kerasgan.load` opens or refuses.
    """
    path = Path(what)
    saved_model = metadata.newest_version(path)
    if saved_model is not None:
        return "saved_model", saved_model
    if path.suffix in (".tflite", ".onnx"):
        return path.suffix[1:], path
    if (path / "models.json").is_file():
        return "page", path
    if path.is_dir() and zoo.located(what) is None:
        return "images", path
    return "model", path
