"""kerasgan: GANs as Keras models, trained with `fit`, shipped as SavedModel and TFLite."""

import importlib
import os
import platform
import sys

if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError(
        "kerasgan needs Keras's TensorFlow backend: set KERAS_BACKEND=tensorflow before Keras is "
        f"imported. Received: KERAS_BACKEND={os.environ['KERAS_BACKEND']}"
    )

# TensorFlow leaves out oneDNN on x86 processors without AVX-512 VNNI, where it makes trainings 1.4
# to 2.5 times as fast. It reads this when it is imported.
if "tensorflow" not in sys.modules and platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.2.0"

_ROOMS = (
    "callbacks",
    "data",
    "export",
    "latent",
    "layers",
    "losses",
    "metrics",
    "models",
    "schedules",
    "signature",
    "tfgan",
    "viz",
    "zoo",
)
_NAMES = {"GAN": "gan", "load": "zoo", "push_to_hub": "zoo", "train": "training.train"}


def __getattr__(name):
    """Finds the public names: the rooms above, `GAN`, `load`, `train`, all models' classes."""
    if name in _ROOMS:
        return importlib.import_module(f"kerasgan.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"kerasgan.{_NAMES[name]}"), name)
    classes = importlib.import_module("kerasgan.models").classes() if name[:1].isupper() else {}
    if name in classes:
        return classes[name]
    raise AttributeError(f"module 'kerasgan' has no attribute {name!r}")


def __dir__():
    classes = importlib.import_module("kerasgan.models").classes()
    return sorted([*globals(), *_ROOMS, *_NAMES, *classes])


# Importing the models registers them with Keras, so that `keras.saving.load_model` knows them. The
# `kerasgan` command does without, until it needs TensorFlow.
if "kerasgan_cli" not in sys.modules:
    importlib.import_module("kerasgan.models").classes()
