"""Texts of training examples: the captions of a data set, as an encoder trained on it sees them."""

import json
import os
import zipfile

from kerasgan.evaluation.features import real_features
from kerasgan.metrics import EfficientNetLite0
from kerasgan.signature import TextEncoder
from kerasgan.training import checkpoints
from kerasgan.training.joint_embedding import DIM, joint_embedding
from kerasgan.utils import pictures
from kerasgan.utils.errors import UserError


def train_encoder(source, dim=DIM, seed=0, verbose=False):
    """Trains a text encoder on the pictures of a source and their captions.

    Args:
        source: `kerasgan.data.ArraySource` with captions.
        dim: Length of the vectors.
        seed: int.
        verbose: Whether to show a progress bar.

    Returns:
        `kerasgan.signature.TextEncoder`, for `TextToImage(..., encoder=...)`.

    Raises:
        UserError: If the source has no captions.
    """
    check_captions(source)
    images = pictures.opaque(source.parts["image"])
    name = f"{source.name} train"
    features, _ = real_features(images, EfficientNetLite0(), name, verbose)
    return joint_embedding(source.captions, features, dim, seed=seed)


def encoder_for(recipe, source, directory, start=None, verbose=False):
    """Returns the encoder of a recipe's training: that of the run if it goes on, that of the model
    that it starts from, or a new one.

    Args:
        recipe: `kerasgan.training.recipe.Recipe`.
        source: The training examples.
        directory: The run directory, or `None` for a new run.
        start: The trained model to start from, or `None`.
        verbose: Whether to say what is done.
    """
    kept = None if directory is None else encoder_of_run(directory)
    if kept is None:
        kept = getattr(start, "encoder", None)
    if kept is not None:
        return kept
    if verbose:
        print(f"Training a text encoder on the names of {len(source):,} pictures ...")
    dim = recipe.model.arguments.get("text_dim", DIM)
    return train_encoder(source, dim, recipe.training.seed, bool(verbose))


def encoder_of_run(directory):
    """Returns the encoder in the newest checkpoint of a run, or in its model; else `None`."""
    kept = checkpoints.found(os.path.join(directory, "checkpoints"))
    files = [os.path.join(path, checkpoints.MODEL) for path in reversed(kept)]
    for file in [*files, os.path.join(directory, checkpoints.MODEL)]:
        try:
            with zipfile.ZipFile(file) as archive:
                config = json.loads(archive.read("config.json"))["config"]["encoder"]
            return TextEncoder.from_config(config["config"])
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            continue
    return None


def with_texts(source, encoder):
    """Returns a source with the part "text": the vectors of its captions."""
    check_captions(source)
    return source.replace(parts={**source.parts, "text": encoder(source.captions)})


def check_captions(source):
    """Raises UserError if a source has no captions."""
    if source.captions is None:
        raise UserError(
            f"{source.name} has no texts, which data.texts and data.words need: emoji have them "
            f"(noto_emoji_mini). For other pictures, pass vectors: `gan.fit(images, vectors)`."
        )
