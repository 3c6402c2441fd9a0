"""Loads trained models: zoo entries, run directories, `.keras` files."""

import json
import re
from pathlib import Path

from kerasgan import models
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError, nearest
from kerasgan.zoo import entries, hub
from kerasgan.zoo.entries import EXAMPLES, WEIGHTS, WORDS


def located(what):
    """Returns the path of a trained model, as `find` does, or `None` without one."""
    if hub.is_reference(what):
        what = hub.fetch(what)
    path = Path(what)
    file = path / "model.keras" if path.is_dir() else path
    if file.is_file():
        return file
    if entries.is_entry(path):
        return path
    return entries.folder() / str(what) if str(what) in entries.names() else None


def find(what):
    """Returns the path of a trained model, without loading it.

    Args:
        what: As for `load`.

    Returns:
        `pathlib.Path`: a zoo entry's folder, or a `.keras` file.

    Raises:
        UserError: If there is none.
    """
    path = Path(what)
    if hub.is_reference(what):
        return located(what)
    if (
        path.suffix in (".tflite", ".onnx")
        and path.is_file()
        or (path / "saved_model.pb").is_file()
    ):
        raise UserError(
            f"{what} is an export, of which only the generator is left: `kerasgan inspect` and "
            f"`kerasgan benchmark fid` take it. Name the run or the .keras file that it is of."
        )
    found = located(what)
    if found is not None:
        return found
    unfinished = sorted(Path(what).glob("checkpoints/step_*/model.keras"))
    if unfinished:
        raise UserError(
            f"The run in {what} is not finished: go on with it, or name its last checkpoint, "
            f"{unfinished[-1]}"
        )
    raise UserError(
        f"There is no trained model at {what}: name a run directory, a .keras file, hf://user/name"
        + (f", or a zoo entry: {nearest(what, entries.names())}" if entries.names() else ".")
    )


def load(what):
    """Loads a trained model: a zoo entry, a run directory, or a `.keras` file.

    Args:
        what: Name of a zoo entry, a path, or "hf://user/name", a repository of the Hugging Face Hub
            ("hf://user/name@revision" for another state of it than its newest).

    Returns:
        A `kerasgan.GAN`. The model of a run can continue training. That of an entry has trained
        weights, also in the discriminator if the entry includes it, and new optimizers.

    Raises:
        UserError: If there is no such entry, file or repository, or it contains something else.
    """
    file = find(what)
    gan = load_entry(file) if file.is_dir() else load_file(file)
    if (folder_of(file) / WORDS).is_file():
        gan.words = words(what)
    if hub.is_reference(what):
        repo, _ = hub.parsed(what)
        said = {"name": repo.rpartition("/")[2], "source": hub.canonical(what)}
        gan.origin = {**(gan.origin or {}), **said}
    return gan


def load_file(file):
    """Loads a `.keras` file, in Keras's safe mode; `load` describes the rest."""
    import keras

    from kerasgan.gan import GAN

    models.classes()  # registers them with Keras
    try:
        gan = keras.saving.load_model(file, safe_mode=True)
    except Exception as error:  # Keras and its formats raise every kind on a damaged file
        if unknown := re.search(r"Could not locate class '(\w+)'", str(error)):
            raise UserError(
                f"{file} holds a {unknown[1]}, a class that is not known here: import the module "
                f"that defines it before loading; for commands, pass --import my_module.py."
            ) from error
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"Cannot load {file}: {reason}") from error
    if not isinstance(gan, GAN):
        raise UserError(f"{file} holds a {type(gan).__name__}, which is not a kerasgan model.")
    if file.name == "model.keras":
        gan.origin = origin(file.parent)
    return gan


def folder_of(found):
    """Returns the folder of what `find` returned: an entry's own, or that of a `.keras` file."""
    return found if found.is_dir() else found.parent


def words(what):
    """Returns the words that a trained model draws, with their vectors.

    Args:
        what: As for `load`: "cgan_noto_emoji_words", or a run of a recipe with `data.words`.

    Returns:
        `kerasgan.training.words.Words`, whose `tags(gan, images)` names pictures.

    Raises:
        UserError: If there is no such model, or it draws no words.

    Example:

    >>> len(words("cgan_noto_emoji_words").vocabulary)
    258
    """
    from kerasgan.training.words import kept

    found = kept(folder_of(find(what)))
    if found is None:
        raise UserError(f"{what} draws no words: its recipe has no data.words.")
    return found


def load_start(what):
    """Loads a trained model for a new training to start from.

    Args:
        what: As for `load`.

    Raises:
        UserError: As `load` does, and if an entry comes without one of its networks.
    """
    gan = load(what)
    files = (gan.origin or {}).get("scores", {}).get("files")
    named = [name for name in gan.players.values() if isinstance(name, str)]
    missing = [name for name in named if f"{name}.weights.h5" not in (files or ())]
    if files is not None and missing:
        raise UserError(
            f"The zoo entry {gan.origin['name']} comes without its {', '.join(missing)}, so no "
            f"training can start from it: train its recipe, and start from that run."
        )
    return gan


def origin(folder):
    """Returns the origin of a model in a run directory or entry: name, recipe, scores, notes.

    Args:
        folder: The directory; missing files are skipped.
    """
    folder = Path(folder)
    said = {"name": folder.resolve().name}
    if (folder / "recipe.toml").is_file():
        from kerasgan.training import recipe

        said["recipe"] = recipe.read(folder / "recipe.toml").tables()
    if (folder / "result.json").is_file():
        scores = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if scores.get("metric"):  # a run may have been scored by none
            said["scores"] = scores
    if (folder / "notes.md").is_file():
        said["notes"] = (folder / "notes.md").read_text(encoding="utf-8")
    return said


def load_entry(entry):
    """Loads the entry in a folder after checking the hashes of its weights.

    Args:
        entry: `pathlib.Path` of a folder with recipe, result and weights.

    Returns:
        A compiled `kerasgan.GAN`.

    Raises:
        UserError: If the hash of a weights file differs from the one in the result.
    """
    import numpy as np

    from kerasgan.signature import Image, Signature, Waveform
    from kerasgan.training import recipe
    from kerasgan.training.build import build, settled

    said = origin(entry)
    files = said["scores"]["files"]
    for name, wanted in files.items():
        found = hashing.of_file(entry / name) if (entry / name).is_file() else "no such file"
        if found != wanted:
            raise UserError(
                f"{entry / name} must have SHA-256 {wanted}: install or download it anew. "
                f"Received: {found}"
            )
    made_by, shape = recipe.read(entry / "recipe.toml"), said["scores"]["image_shape"]
    spec = {"image": Image(shape)} if len(shape) == 3 else {"audio": Waveform(shape[0])}
    kept = {}
    if "signature" in said["scores"]:
        signature = Signature.from_config(said["scores"]["signature"])
        spec, kept = signature.example, signature.inputs
    gan = build(settled(made_by, spec, kept=made_by.model.arguments), spec)
    names = getattr(kept.get("label"), "names", None)
    if names and gan.class_names is None:
        gan.name_classes(names)
    for network in filter(None, (gan.generator, gan.ema_generator)):
        network.load_weights(entry / WEIGHTS)
    further = [name for name in gan.players.values() if isinstance(name, str)]
    for name in further:
        if name != "generator" and f"{name}.weights.h5" in files:
            getattr(gan, name).load_weights(entry / f"{name}.weights.h5")
    if EXAMPLES in files:
        with np.load(entry / EXAMPLES) as examples:
            for name in gan.signature.given:
                gan.examples[name] = gan.signature.inputs[name].check(examples[name], name)
    gan.restart_average()
    gan.origin = said
    return gan
