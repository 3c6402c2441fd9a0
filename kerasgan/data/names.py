"""What the name of a data set means: a set that comes with kerasgan, a folder, or one of TFDS."""

import os
from pathlib import Path

from kerasgan.data import audio, drums, emoji, films, tfds_sets
from kerasgan.data.folder import look, unread_folder
from kerasgan.data.tfds_sets import unread_tfds
from kerasgan.utils.errors import UserError

# Sets that come with kerasgan, small and in memory.
EMBEDDED = (tfds_sets.MINI, emoji.MINI, films.NAME)


def is_sounds(name):
    """Tells whether a name means sounds rather than images."""
    if not isinstance(name, (str, os.PathLike)):
        return False
    if name == drums.NAME:
        return True
    folder = Path(name).expanduser()
    return is_folder(name) and folder.is_dir() and audio.holds_sounds(folder)


def check_image_options(name, **options):
    """Raises UserError if an option of images is given for sounds."""
    if wrong := [option for option, value in options.items() if value]:
        raise UserError(f"`{wrong[0]}` is for images, and {name} holds sounds: leave it out.")


def title_of(name):
    """Returns what a message calls a data set."""
    return f'"{name}"' if isinstance(name, (str, os.PathLike)) else "images"


def unread_audio(name, split, reader, skip_damaged=False):
    """Returns a split of sounds, not read yet.

    Args:
        name: "drum_hits", or the path of a folder.
        split: The split.
        reader: A `kerasgan.utils.sounds.Reader`.
        skip_damaged: As in `load_source`.
    """
    if name == drums.NAME:
        return drums.unread_drums(split, reader)
    return audio.unread_sounds(Path(name).expanduser(), split, reader, skip_damaged)


def unread(
    name,
    split,
    image_size,
    data_dir=None,
    transparent=False,
    background="white",
    skip_damaged=False,
):
    """Returns a split that is not embedded, not read yet."""
    if name == emoji.FULL:
        return emoji.unread_emoji(split, image_size, transparent, background)
    if is_folder(name):
        folder = Path(name).expanduser()
        return unread_folder(folder, split, image_size, transparent, background, skip_damaged)
    return unread_tfds(name, split, image_size, data_dir)


def is_folder(name):
    """Tells whether a name means a folder of images rather than a TFDS dataset."""
    folder = os.path.expanduser(name)
    path_like = isinstance(name, os.PathLike) or os.path.isabs(folder) or name.startswith(".")
    return (
        path_like
        or os.path.isfile(folder)
        or (os.path.isdir(folder) and name not in (*tfds_sets.OWN, *tfds_sets.names()))
    )


def number_tested(root):
    """Returns the number of examples in the split "test" of a folder of images or sounds."""
    return audio.counts(root).tested if is_sounds(root) else look(root).tested
