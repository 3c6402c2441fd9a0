"""Folders of sounds."""

import os
import typing
import warnings
from pathlib import Path

import numpy as np

from kerasgan.data.folder import LISTED
from kerasgan.data.listing import classes_of, listed_below, readable_suffixes, split_of
from kerasgan.data.splits import select
from kerasgan.data.unread import Unread
from kerasgan.signature import Label, Waveform
from kerasgan.utils import sounds
from kerasgan.utils.errors import UserError, check_count, needs
from kerasgan.utils.files import state
from kerasgan.utils.processes import Pool

LENGTH, RATE = 16384, 16000  # by default
AT_ONCE = 32  # sounds that a process reads at a time
FEW = 256  # sounds for which starting processes is not worth while
LOOKED_AT = 100  # files by which a folder of sounds is told
VERSION = 1  # of what is read from a file; another one lets caches be prepared anew


def reader_of(length=None, rate=None, normalize=None):
    """Returns a `kerasgan.utils.sounds.Reader`, with defaults for what is `None`.

    Raises:
        UserError: If a number is not 1 or more, or there is no such normalization.
    """
    reader = sounds.Reader(
        LENGTH if length is None else length,
        RATE if rate is None else rate,
        "peak" if normalize is None else normalize,
    )
    check_count(reader.length, "length")
    check_count(reader.rate, "rate")
    if reader.normalize not in sounds.NORMALIZE:
        raise UserError(
            f"`normalize` must be {', '.join(sounds.NORMALIZE)}. Received: {reader.normalize!r}"
        )
    return reader


def holds_sounds(root):
    """Tells whether a folder is one of sounds: most of its first files that are sounds or pictures
    are sounds."""
    found, pictures = [0, 0], readable_suffixes()
    for _, folders, files in os.walk(root, followlinks=True):
        folders.sort()
        for name in files:
            suffix = os.path.splitext(name)[1].lower()
            found[0] += suffix in sounds.SUFFIXES
            found[1] += suffix in pictures
        if sum(found) >= LOOKED_AT:
            break
    return found[0] > found[1]


class Counts(typing.NamedTuple):
    count: int  # of training sounds
    tested: int  # of the split "test"


def counts(root, split="train"):
    """Returns the `Counts` of a folder of sounds."""
    root = Path(root).expanduser()
    _, splits, _ = split_of(list_sounds(root), root)
    return Counts(len(select(split, splits, root)), len(splits.get("test", ())))


def list_sounds(root):
    """Returns the sound files below a folder, as sorted relative paths."""
    if not root.is_dir():
        raise UserError(f'No such folder: "{root}"')
    files, _ = listed_below(root, sounds.SUFFIXES)
    if not files:
        raise UserError(f'Folder "{root}" holds no sound files (.wav, .flac, .ogg, ...).')
    return files


def unread_sounds(root, split, reader, skip_damaged=False):
    """Returns a split of a folder, not read yet, as `kerasgan.data.load_source` describes it.

    Args:
        root: `pathlib.Path` of the folder.
        split: The split.
        reader: A `kerasgan.utils.sounds.Reader`.
        skip_damaged: Whether files without sound are left out, with a warning.
    """
    needs("soundfile", "sound")
    every = list_sounds(root)
    files, splits, depth = split_of(every, root)
    chosen = [int(place) for place in select(split, splits, root)]
    # Of all files, so that every split comes with the same classes.
    classes, labels = classes_of([file.parts[depth:-1] for file in files])
    told = []
    return Unread(
        name=str(root),
        split=split,
        options={
            "path": os.path.realpath(root),
            "length": reader.length,
            "rate": reader.rate,
            "normalize": reader.normalize,
            "skip_damaged": skip_damaged,
            "reader": VERSION,
        },
        stamp=[(str(file), *state(root / file)) for file in every],
        count=len(chosen),
        shape=lambda: (reader.length, 1),
        chunks=lambda: chunks(
            root,
            [files[place] for place in chosen],
            None if labels is None else labels[chosen],
            reader,
            skip_damaged,
            told,
        ),
        class_names=classes,
        told=told,
        part="audio",
        rate=reader.rate,
    )


def chunks(root, files, labels, reader, skip_damaged=False, told=None):
    """Yields the sounds of some files and their class ids, read by several processes.

    Args:
        root: Their folder.
        files: List of paths below it.
        labels: int array (N,), or `None`.
        reader: A `kerasgan.utils.sounds.Reader`.
        skip_damaged: Whether files without sound are left out, with a warning.
        told: List to which the warning is added.

    Raises:
        UserError: At the end, with all files that hold no sound, and why.
    """
    wrong = {}
    paths = [str(Path(root) / file) for file in files]
    tasks = [paths[i : i + AT_ONCE] for i in range(0, len(paths), AT_ONCE)]
    with Pool(1 if len(files) <= FEW else None) as pool:
        for number, answers in enumerate(pool.map(reader.sounds, tasks)):
            start = number * AT_ONCE
            good = [place for place, each in enumerate(answers) if not isinstance(each, str)]
            for place, each in enumerate(answers):
                if isinstance(each, str):
                    wrong[files[start + place]] = each
            if good and not (wrong and not skip_damaged):
                audio = np.stack([answers[place] for place in good])
                yield audio, None if labels is None else labels[start + np.array(good)]
    report(root, wrong, len(files), skip_damaged, told)


def report(root, wrong, number, skip, told):
    """Refuses files without sound, all at once, or warns that they are left out."""
    if not wrong:
        return
    named = [f"{file} {why}" for file, why in wrong.items()]
    more = f" and {len(named) - LISTED} more" if len(named) > LISTED else ""
    listed = f"{', '.join(named[:LISTED])}{more}"
    if skip and len(wrong) < number:
        sentence = f'"{root}": left out files without sound: {listed}.'
        told.append(sentence)
        warnings.warn(sentence, stacklevel=5)
        return
    raise UserError(
        f'"{root}": {len(wrong)} of {number} files give no sound: {listed}. Repair or delete them, '
        f"or leave them out: `skip_damaged=True`, in a recipe data.skip_damaged=true."
    )


def spec_of(reader, class_names=None):
    """Returns what an example of a set of sounds is."""
    spec = {"audio": Waveform(reader.length, reader.rate)}
    return {**spec, "label": Label(len(class_names), class_names)} if class_names else spec
