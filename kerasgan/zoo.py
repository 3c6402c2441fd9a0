"""Trained generators: those that come with kerasgan, and those that a run has written."""

import importlib.resources
from pathlib import Path

from kerasgan import models
from kerasgan.errors import UserError, nearest

WEIGHTS = "generator.weights.h5"


def folder():
    """Returns the zoo's folder, of a checkout or of an installed package."""
    package = Path(str(importlib.resources.files("kerasgan")))
    installed = package / "zoo_entries"
    return installed if installed.is_dir() else package.parent / "zoo"


def names():
    """Returns the names of the trained entries, e.g. `["dcgan_fashion_mnist", ...]`."""
    return sorted(path.parent.name for path in folder().glob(f"*/{WEIGHTS}"))


def is_trained(path):
    """Tells whether a path is a run directory or a `.keras` file."""
    path = Path(path)
    return path.suffix == ".keras" or (path / "model.keras").is_file()


def load(what):
    """Loads a trained model: a zoo entry, a run directory, or a `.keras` file.

    Args:
        what: Name of a zoo entry, or a path.

    Returns:
        A `kerasgan.GAN`. A run's model is compiled and trains on; an entry's has the generator's
        weights alone.

    Raises:
        UserError: If there is no such entry or file, or it holds something else.
    """
    import keras

    from kerasgan.gan import GAN

    path = Path(what)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            f"There is no trained model at {what}: name a run directory or a .keras file"
            + (f", or a zoo entry, {nearest(what, names())}" if names() else ".")
        )
    models.classes()  # registers them with Keras
    try:
        gan = keras.saving.load_model(file)
    except Exception as error:  # Keras and its formats raise every kind on a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"Cannot load {file}: {reason}") from error
    if not isinstance(gan, GAN):
        raise UserError(f"{file} holds a {type(gan).__name__}, which is not a kerasgan model.")
    return gan
