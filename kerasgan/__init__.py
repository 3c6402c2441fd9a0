"""kerasgan: eight GANs as Keras models, trained with `fit`, shipped as SavedModel and TFLite."""

import importlib
import os
import sys

__version__ = "0.1.0"

_MODULES = ("callbacks", "data", "export", "images", "latent", "metrics", "models", "tfgan")


def __getattr__(name):
    """Finds the public names: the modules above, `GAN`, `load`, all models' classes."""
    if name in _MODULES:
        return importlib.import_module(f"kerasgan.{name}")
    if name == "GAN":
        return importlib.import_module("kerasgan.gan").GAN
    if name == "train":
        return importlib.import_module("kerasgan.session").train
    if name == "load":
        return importlib.import_module("kerasgan.zoo").load
    classes = importlib.import_module("kerasgan.models").classes() if name[:1].isupper() else {}
    if name in classes:
        return classes[name]
    raise AttributeError(f"module 'kerasgan' has no attribute {name!r}")


def __dir__():
    return sorted(
        [
            *globals(),
            *_MODULES,
            "GAN",
            "load",
            "train",
            *importlib.import_module("kerasgan.models").classes(),
        ]
    )


# Importing the models registers them with Keras, so that `keras.saving.load_model` knows them. Only
# the `kerasgan` command does without: it must answer a mistake before TensorFlow has started.
if os.path.basename(sys.argv[0] if sys.argv else "") not in ("kerasgan", "kerasgan.exe"):
    importlib.import_module("kerasgan.models").classes()
