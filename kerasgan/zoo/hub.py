"""Models on the Hugging Face Hub: `push_to_hub`, and `hf://user/name` wherever a model is named.

What is uploaded is a zoo entry's or a run's own format, so weights and recipes, which hold no code.
`.keras` files are loaded in Keras's safe mode, as everywhere.
"""

import contextlib
import json
import re
import shutil
import tempfile
from pathlib import Path

from kerasgan.utils.errors import UserError, needs
from kerasgan.utils.toml import tomllib
from kerasgan.zoo import entries

# The command line makes paths of its arguments, and `Path("hf://user/name")` is "hf:/user/name".
REFERENCE = re.compile(r"hf:/{1,2}([^/@\s]+/[^/@\s]+)(?:@(\S+))?")
NEEDED = (
    "model.keras",
    "recipe.toml",
    "session.json",
    "result.json",
    "notes.md",
    entries.EXAMPLES,
    entries.WORDS,
    "*.weights.h5",
)
SHOWN = (
    "history.csv",
    "samples.png",
    "examples.png",
    "film.webp",
    "worst.png",
    "neighbours.png",
    "interpolation.png",
    "reconstructions.png",
    "progress.png",
    "progress.webp",
)
CARD = "README.md"
FOREIGN = ("model*.weights.h5",)  # what KerasHub calls its weights


def is_reference(what):
    """Tells whether something names a repository of the Hub.

    Example:

    >>> is_reference("hf://user/name"), is_reference("runs/clothes")
    (True, False)
    """
    return str(what).startswith("hf:/")


def parsed(what):
    """Returns the repository and the revision, or `None`, that a reference names.

    Args:
        what: "hf://user/name" or "hf://user/name@revision".

    Raises:
        UserError: If it has another form.

    Example:

    >>> parsed("hf://user/name@v1")
    ('user/name', 'v1')
    """
    parts = REFERENCE.fullmatch(str(what))
    if parts is None:
        raise UserError(f"A model on the Hub is named hf://user/name. Received: {what}")
    return parts.groups()


def canonical(what):
    """Returns a reference as people write it, "hf://user/name"."""
    repo, revision = parsed(what)
    return f"hf://{repo}" + (f"@{revision}" if revision else "")


def fetch(what):
    """Downloads a model's files from the Hub into the cache of `huggingface_hub`.

    Args:
        what: "hf://user/name", with "@revision" if wanted.

    Returns:
        `pathlib.Path` of a folder. Without a network it is the one that was downloaded before.

    Raises:
        UserError: If `huggingface_hub` is not installed, the Hub cannot be reached, or there is no
            such repository or revision, or no kerasgan model in it.
    """
    repo, revision = parsed(what)
    needs("huggingface_hub", "hub")
    import huggingface_hub

    with told(canonical(what)):
        folder = huggingface_hub.snapshot_download(
            repo, revision=revision, allow_patterns=NEEDED, ignore_patterns=FOREIGN
        )
    folder = Path(folder)
    if not ((folder / "model.keras").is_file() or entries.is_entry(folder)):
        raise UserError(
            f"{canonical(what)} holds no kerasgan model: neither model.keras nor recipe.toml, "
            f"result.json and {entries.WEIGHTS}."
        )
    check_recipe(folder, canonical(what))
    return folder


def check_recipe(folder, name):
    """Raises UserError if a downloaded recipe asks for a Python file: recipes hold no code."""
    file = folder / "recipe.toml"
    if not file.is_file():
        return
    try:
        model = tomllib.loads(file.read_text(encoding="utf-8"))["model"]["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The recipe of {name} names no model: {first(error)}.") from error
    if ".py:" in str(model):
        raise UserError(
            f"The recipe of {name} asks for the Python file {model}, and kerasgan takes no code "
            f"from the Hub: get the file from its author, then load model.keras by its path."
        )


def push_to_hub(source, repo_id, license=None, private=False, token=None, message=None):
    """Uploads a trained model to the Hugging Face Hub, with a card in its format.

    Uploads weights, recipe, scores and pictures of a zoo entry or run, not its checkpoints or logs.
    Makes the repository if there is none. Paths of this machine, such as that of your photographs,
    are cut to their last part. `kerasgan.load("hf://user/name")` loads the model again.

    Args:
        source: A `kerasgan.GAN`, or a zoo entry, run directory or `.keras` file by name or path.
        repo_id: "user/name".
        license: The Hub's identifier of the weights' licence, such as "apache-2.0" or "mit". By
            default it is that of the zoo entry; for other models the card names none.
        private: Whether a new repository is private.
        token: Access token; by default that of `hf auth login` or `HF_TOKEN`.
        message: Commit message.

    Returns:
        str, "hf://user/name".

    Raises:
        UserError: If `huggingface_hub` is not installed, the Hub cannot be reached or refuses, or
            there is no such model.

    Example:

    >>> import kerasgan
    >>> kerasgan.push_to_hub("dcgan_fashion_mnist", "no user name")
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: A repository is named "user/name". Received: 'no user name'
    """
    if not REFERENCE.fullmatch(f"hf://{repo_id}") or "@" in str(repo_id):
        raise UserError(f'A repository is named "user/name". Received: {repo_id!r}')
    needs("huggingface_hub", "hub")
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    reference = f"hf://{repo_id}"
    with tempfile.TemporaryDirectory() as folder:
        write_folder(source, Path(folder), repo_id, license)
        files = {path.name: path for path in sorted(Path(folder).iterdir())}
        with told(reference):
            api = huggingface_hub.HfApi(token=token)
            api.create_repo(repo_id, private=private, exist_ok=True)
            # Files of an earlier model of another format would be loaded in place of this one.
            patterns = [*NEEDED, *SHOWN]
            before = filter_repo_objects(
                api.list_repo_files(repo_id), allow_patterns=patterns, ignore_patterns=FOREIGN
            )
            operations = [
                huggingface_hub.CommitOperationAdd(name, str(path)) for name, path in files.items()
            ] + [
                huggingface_hub.CommitOperationDelete(name) for name in before if name not in files
            ]
            message = message or "Upload a model of kerasgan"
            api.create_commit(repo_id, operations, commit_message=message)
    return reference


def write_folder(source, folder, repo_id, license=None):
    """Writes what `push_to_hub` uploads.

    Args:
        source, repo_id, license: As in `push_to_hub`.
        folder: `pathlib.Path` of an empty folder.
    """
    from kerasgan.export import hub_card, metadata
    from kerasgan.gan import GAN
    from kerasgan.utils import licences, pixels
    from kerasgan.viz import grids
    from kerasgan.zoo import loading

    gan = source if isinstance(source, GAN) else loading.load(source)
    found = None if gan is source else loading.find(source)
    if found is not None and found.is_dir() and found.parent == entries.folder():
        table = gan.origin["recipe"]["data"]
        datasets = [table["name"], table.get("source")]
        license = license or licences.identifier_of_weights(datasets)
    if found is None or found.name != "model.keras" and not found.is_dir():
        gan.save(folder / "model.keras")
    else:
        copy_files(found if found.is_dir() else found.parent, folder)
    if not (folder / "samples.png").is_file():
        picture = grids.sample_grid(gan, titled=True)
        if picture is not None:
            pixels.save_picture(picture, folder / "samples.png", zoom=2)
    about = metadata.describe(gan)
    about.update(name=repo_id.rpartition("/")[2], source=f"hf://{repo_id}")
    pictures = {path.name for path in folder.iterdir()}
    card = hub_card.hub_card(about, license, pictures)
    (folder / CARD).write_text(card, encoding="utf-8")


def copy_files(origin, folder):
    """Copies the files of a run or entry that are uploaded, without paths of this machine."""
    import tomli_w

    from kerasgan.training import recipe
    from kerasgan.utils.provenance import without_paths

    for pattern in (*NEEDED, *SHOWN):
        for path in origin.glob(pattern):
            shutil.copy(path, folder / path.name)
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if without_paths(content) != content:
            path.write_text(json.dumps(without_paths(content), indent=2), encoding="utf-8")
    file = folder / "recipe.toml"
    if file.is_file():
        tables = recipe.parse(file)
        if ".py:" in str(tables.get("model", {}).get("name")):
            file.unlink()  # it asks for a file of this machine
        elif without_paths(tables) != tables:
            file.write_text(tomli_w.dumps(without_paths(tables)), encoding="utf-8")


@contextlib.contextmanager
def told(reference):
    """Turns errors of `huggingface_hub` into one sentence; without a terminal, hides its bars."""
    from huggingface_hub import constants, errors
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    from kerasgan.utils.progress import redraws

    where, silent = constants.ENDPOINT, are_progress_bars_disabled()
    if not (redraws() or silent):
        disable_progress_bars()  # a log would hold fragments of them
    try:
        yield
    except errors.HFValidationError as error:
        raise UserError(f"{reference} is no name of a repository: {first(error)}") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{reference}: the repository has no such revision.") from error
    except errors.RepositoryNotFoundError as error:  # also one that asks for consent
        raise UserError(
            f"There is no repository {reference} on {where}, or your account may not see it: check "
            f"the name, or log in by `hf auth login`."
        ) from error
    except errors.LocalTokenNotFoundError as error:
        raise UserError(f"{where} asks for a token: log in by `hf auth login`.") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "")
        login = " Log in by `hf auth login`." if status in (401, 403) else ""
        raise UserError(f"{where} refuses {reference}: {first(error)}.{login}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.HTTPError) as error:
        raise UserError(
            f"{where} cannot be reached, and {reference} was not downloaded before: connect to the "
            f"network, or set HF_ENDPOINT to a mirror."
        ) from error
    finally:
        if not silent:
            enable_progress_bars()


def first(error):
    """Returns the first line of an error's message without a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
