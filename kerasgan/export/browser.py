"""A static page that runs generators in the browser."""

import importlib.resources
import json
import re
import shutil
from pathlib import Path

import numpy as np

import kerasgan
from kerasgan import latent
from kerasgan.export import litert_js, metadata
from kerasgan.export.model import check_model
from kerasgan.export.tflite import tflite
from kerasgan.signature import Image, Text, Waveform
from kerasgan.utils import hashing, pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import replacing
from kerasgan.utils.progress import Bar

PAGE = importlib.resources.files("kerasgan.export") / "page"
DIRECTIONS = 5  # on the page
EXAMPLES = 12  # at most, of a model that takes pictures
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a model, for URLs and file names


def browser(gans, directory):
    """Writes a page that runs generators in a browser, with all files that it needs.

    Any static file server can serve it, also below a path, without a network and without special
    headers: `python -m http.server --directory DIRECTORY`. The page draws grids of samples from a
    seed, walks between samples and along `kerasgan.latent.directions`, shows one class or all, and
    saves pictures as PNG. For models that take pictures, visitors draw with the pointer, drop
    pictures or start from the examples that the model keeps, and see the result at once; masks are
    painted as holes onto the picture, and films are continued frame by frame. Models of texts with
    an encoder of their own have a box for words. Models of sounds have sixteen pads that play
    samples, by pointer or keyboard, and save them as WAV. The page runs the models with LiteRT.js,
    which is downloaded from npm once and cached (`KERASGAN_CACHE`). Models of several kinds stand
    below headings, classes first and sounds last, and in each those in colour first; the first of
    them is shown when the page opens.

    Args:
        gans: dict of `kerasgan.GAN` by name. Names consist of letters, digits and "._-". The page
            shows scores of models that were loaded from a run or a zoo entry.
        directory: Folder to write; it must not exist, and is written atomically.

    Returns:
        str, the folder.

    Raises:
        UserError: If the folder exists, a name or a model does not fit, or LiteRT.js is not
            available.

    Example:

    >>> import kerasgan
    >>> browser({}, "site")
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: A page needs at least one model. Received: none
    """
    for gan in gans.values():
        check_model(gan)
    _check(gans, directory)
    runtime = litert_js.files()
    with replacing(directory) as temporary:
        site = Path(temporary)
        with importlib.resources.as_file(PAGE) as page:
            shutil.copytree(page, site)
        for name, content in runtime.items():
            (site / "litert" / name).write_bytes(content)
        (site / "models").mkdir()
        models, bar = [], Bar(len(gans), "model", verbose=len(gans) > 1)
        for name, gan in sorted(gans.items(), key=_place):
            models.append(_add(site, name, gan))
            bar.add(1)
        about = {"kerasgan": kerasgan.__version__, "models": models}
        (site / "models.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    return str(directory)


def _check(gans, directory):
    if not gans:
        raise UserError("A page needs at least one model. Received: none")
    if Path(directory).exists():
        raise UserError(f"{directory} exists already: name another folder or remove it.")
    for name, gan in gans.items():
        if not NAME.fullmatch(name):
            raise UserError(
                f'A model\'s name must consist of letters, digits and "._-". Received: {name!r}'
            )
        if misfit := unfit(name, gan.signature):
            raise UserError(misfit)


def unfit(name, signature):
    """Returns why a page cannot run a model of that name and signature, or `None` if it can."""
    if signature.output.page() is None:
        return (
            f"A page shows images (height, width, 1, 3 or 4), and plays sounds of 8,000 to "
            f"96,000 samples per second. Received: {name}, which makes {signature.output.words}"
        )
    unknown = [
        key
        for key, kind in signature.inputs.items()
        if kind.control() is None or (kind.source == "drawn" and key not in ("z", "label"))
    ]
    if unknown or not ("z" in signature.inputs or pictured(signature)):
        return (
            f"A page can only offer latents `z`, classes `label`, numbers, pictures and texts. "
            f"Received: {name}, which takes `{', '.join(unknown or signature.inputs)}`"
        )
    if isinstance(signature.output, Waveform) and pictured(signature):
        return f"A page plays no sounds of pictures. Received: {name}"
    return None


def pictured(signature):
    """Returns the inputs that must be given, other than texts."""
    return {key: kind for key, kind in signature.given.items() if not isinstance(kind, Text)}


def _place(item):
    """Returns what models are ordered by on a page: those in colour are the first of their kind."""
    name, gan = item
    signature = gan.signature
    sounds = isinstance(signature.output, Waveform)
    grey = sounds or signature.output.shape[-1] == 1
    return sounds, bool(signature.given), not signature.turns, signature.title, grey, name


def _add(site, name, gan):
    """Writes a model into the page and returns its description."""
    file = f"models/{name}.tflite"
    content = Path(tflite(gan, site / file)).read_bytes()
    inputs = gan.signature.inputs
    texts = [
        {"name": key, **kind.control()} for key, kind in inputs.items() if isinstance(kind, Text)
    ]
    controls = [kind.control() for kind in inputs.values() if kind.source == "drawn"]
    numbers = [
        {"name": key, **kind.control()} for key, kind in inputs.items() if kind.source == "default"
    ]
    return {
        "name": name,
        "kind": gan.signature.title,
        "variant": type(gan).__name__,
        "file": file,
        "bytes": len(content),
        "sha256": hashing.of_bytes(content),
        "num_classes": None,
        **gan.signature.output.page(),
        **{key: value for control in controls for key, value in control.items()},
        **({"numbers": numbers} if numbers else {}),
        **({"texts": texts} if texts else {}),
        **_given(site, name, gan),
        **_directions(gan),
        "score": _score(gan),
    }


def _given(site, name, gan):
    """Writes examples of the inputs that visitors give, and returns what the page needs of them."""
    given = []
    for key, kind in pictured(gan.signature).items():
        files = []
        for place, example in enumerate(gan.examples.get(key, ())[:EXAMPLES]):
            files.append(f"models/{name}/{key}-{place:02}.png")
            # The frames of a film lie side by side.
            parts = np.asarray(kind.to_bytes(example)).reshape(-1, *kind.shape[-3:])
            pixels.save_picture(np.concatenate(list(parts), axis=1), site / files[-1])
        given.append({"name": key, **kind.control(), "examples": files})
    return {"given": given} if given else {}


def _directions(gan):
    """Returns directions of `z` that change images most, where they are known in closed form."""
    signature = gan.signature
    drawn = "z" in signature.inputs and isinstance(signature.output, Image)
    if not drawn or signature.given or latent.has_w(gan):
        return {}
    try:
        found = latent.directions(gan, min(DIRECTIONS, gan.latent_dim))
    except UserError:
        return {}
    return {"directions": np.round(found.astype("float64"), 6).tolist()}


def _score(gan):
    """Returns a score and its protocol, if it was measured on these weights."""
    scores = metadata.describe(gan).get("scores")
    if scores is None:
        return None
    kept = ("metric", "dataset", "split", "n_real", "n_fake", "image_shape")
    return {"value": scores["trained"], **{key: scores[key] for key in kept}}


def names(entries):
    """Returns the names of models on a page: those of their folders, files or zoo entries.

    Args:
        entries: Run directories, `.keras` files or names of zoo entries.

    Returns:
        list of str.

    Raises:
        UserError: If two models have the same name.

    Example:

    >>> names(["runs/clothes", "runs/digits/model.keras", "other/my faces.keras"])
    ['clothes', 'digits', 'my-faces']
    """
    found = {}
    for entry in entries:
        path = Path(entry).resolve()
        path = path.parent if path.name == "model.keras" else path
        stem = path.name.removesuffix(".keras")
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-") or "model"
        if name in found:
            raise UserError(f'{found[name]} and {entry} are both called "{name}": rename one.')
        found[name] = entry
    return list(found)
