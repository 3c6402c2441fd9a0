"""Folders of images."""

import contextlib
import copy
import os
import typing
import warnings
from pathlib import Path

import numpy as np
from PIL import ImageColor

from kerasgan.data.listing import classes_of, list_pictures, split_of
from kerasgan.data.sizes import check_sizes, sides
from kerasgan.data.splits import select
from kerasgan.data.unread import Unread
from kerasgan.utils import pictures
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import state
from kerasgan.utils.processes import Pool
from kerasgan.utils.progress import shown

LISTED = 10  # damaged pictures that an error names
AT_ONCE = 32  # pictures that a process reads at a time
FEW = 64  # pictures for which starting processes is not worth while
VERSION = 1  # of what is read from a file; another one lets caches be prepared anew


class Pictures(typing.NamedTuple):
    """What a folder holds, before anything is decoded.

    Attributes:
        count: Number of training pictures.
        tested: Number of pictures of the split "test".
        sizes: List of (height, width) of the training pictures.
        channels: Their channels.
        class_names: List of texts, or `None`.
    """

    count: int
    tested: int
    sizes: list
    channels: int
    class_names: list | None


def look(root, split="train", transparent=False):
    """Returns the `Pictures` of a folder, from their headers."""
    found = Folder(Path(root).expanduser(), split, transparent=transparent)
    with found.pool:
        channels = found.looked().channels
    sizes = found.sizes()
    tested = len(found.splits.get("test", ()))
    return Pictures(len(sizes), tested, sizes, channels, found.classes)


def unread_folder(
    root,
    split,
    image_size,
    transparent=False,
    background="white",
    skip_damaged=False,
    halves=False,
    twins=None,
):
    """Returns a split of a folder, not read yet, as `kerasgan.data.load_source` describes it.

    Args:
        root, split, image_size, transparent, background, skip_damaged: As there.
        halves: Whether each picture is two side by side, as `kerasgan.utils.pictures.Reader` has
            it.
        twins: Path of a second folder with pictures of the same names, which become the part
            "source"; or `None`.
    """
    folder = Folder(root, split, image_size, transparent, colour_of(background), halves)
    beside = None if twins is None else folder.twins(twins)
    options = {
        "path": os.path.realpath(root),
        "image_size": image_size,
        "transparent": transparent,
        "background": folder.background,
        "skip_damaged": skip_damaged,
        "reader": VERSION,
        **({"halves": True} if halves else {}),
        **({} if twins is None else {"twins": os.path.realpath(twins)}),
    }
    return Unread(
        name=str(root),
        split=split,
        options=options,
        stamp=folder.stamp if beside is None else [folder.stamp, beside.stamp],
        count=len(folder.chosen),
        shape=folder.shape,
        source_shape=None if beside is None else beside.shape,
        chunks=lambda: folder.chunks(skip_damaged, beside),
        class_names=folder.classes,
        told=folder.sentences,
    )


def colour_of(background):
    """Returns the (R, G, B) of a colour's name or code."""
    try:
        return ImageColor.getrgb(background)[:3]
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f'`background` must be a colour such as "white" or "#ff8800". Received: {background!r}'
        ) from error


class Folder:
    """The pictures of a folder's split, which are read alike.

    Args:
        root: `pathlib.Path` of the folder.
        split, image_size, transparent: As in `kerasgan.data.load_source`.
        background: (R, G, B).
        halves: As in `unread_folder`.
    """

    def __init__(
        self,
        root,
        split,
        image_size=None,
        transparent=False,
        background=(255,) * 3,
        halves=False,
    ):
        if not root.is_dir():
            raise UserError(f'No such folder: "{root}"')
        files = list_pictures(root)
        self.stamp = [(str(file), *state(root / file)) for file in files]
        self.root = root
        self.files, self.splits, depth = split_of(files, root)
        self.chosen = [int(place) for place in select(split, self.splits, root)]
        # Of all files, so that every split comes with the same classes and channels.
        self.classes, self.labels = classes_of([file.parts[depth:-1] for file in self.files])
        self.image_size, self.transparent, self.background = image_size, transparent, background
        self.halves = halves
        self.sentences = []  # what a cache repeats whenever it is read
        self.wrong = {}  # what is wrong with damaged pictures, by place
        self.reader = None
        self.pool = Pool(1 if len(self.files) <= FEW else None)

    def twins(self, other):
        """Returns the pictures of another folder that have the names of these, in their order.

        A twin may have another suffix. Raises UserError if some are missing.
        """
        if not other.is_dir():
            raise UserError(f'No such folder: "{other}"')
        files = list_pictures(other)
        exact, by_stem = set(files), {}
        for file in files:
            by_stem.setdefault(file.with_suffix(""), []).append(file)
        pairs = {}
        for file in self.files:
            pairs[file] = [file] if file in exact else by_stem.get(file.with_suffix(""), [])
        for what, which in (
            ("has no twins of", [file for file in self.files if not pairs[file]]),
            ("has several twins of", [file for file in self.files if len(pairs[file]) > 1]),
        ):
            if which:
                raise UserError(
                    f'"{other}" {what} {len(which)} of {len(self.files)} pictures of '
                    f'"{self.root}": {named(map(str, which))}. A pair has one name in both '
                    f"folders; suffixes may differ."
                )
        found = [pairs[file][0] for file in self.files]
        if outside := len(set(files) - set(found)):
            warnings.warn(
                f'"{other}": left out {outside} pictures without a twin in "{self.root}".',
                stacklevel=5,
            )
        twins = copy.copy(self)
        twins.root, twins.files, twins.transparent = other, found, False
        twins.stamp = [(str(file), *state(other / file)) for file in found]
        twins.wrong, twins.reader = {}, None
        twins.pool = Pool(1 if len(found) <= FEW else None)
        return twins

    def paths(self, places):
        """Returns lists of the paths of some pictures, each of which is read at once."""
        paths = [str(self.root / self.files[place]) for place in places]
        return [paths[i : i + AT_ONCE] for i in range(0, len(paths), AT_ONCE)]

    def asked(self, function, places):
        """Yields what a function says of the pictures at these places, one by one."""
        for answer in shown(self.pool.map(function, self.paths(places)), len(places)):
            yield from answer

    def shape(self):
        """Returns (H, W, C) of the pictures."""
        reader = self.looked()
        if reader.wanted:
            height, width = reader.wanted
            return height, width * (2 if self.halves else 1), reader.channels
        sizes = self.sizes()
        if self.halves:
            sizes = [(height, width - width % 2) for height, width in sizes]
        check_sizes(sizes, self.root)
        return (*(sizes[0] if sizes else (1, 1)), reader.channels)

    def kept(self):
        """Returns the places of the chosen pictures that are not known to be damaged."""
        return [place for place in self.chosen if place not in self.wrong]

    def sizes(self):
        """Returns (height, width) of each of these pictures, by its header."""
        return [self.headers[place][1] for place in self.kept()]

    def looked(self):
        """Returns the reader of all pictures, after a look at their headers."""
        if self.reader is not None:
            return self.reader
        self.headers = list(self.asked(pictures.headers, range(len(self.files))))
        self.wrong = {
            place: self.headers[place]
            for place in self.chosen
            if isinstance(self.headers[place], str)
        }
        modes = self.modes()
        grey = all(mode in ("1", "L", "LA") or pictures.deep(mode) for mode in modes)
        if "LA" in modes and len(set(self.background)) > 1:
            grey = False  # on a coloured background
        self.reader = pictures.Reader(
            mode="RGBA" if self.transparent else "L" if grey else "RGB",
            background=self.background,
            wanted=None if self.image_size is None else sides(self.image_size),
            halves=self.halves,
        )
        return self.reader

    def modes(self):
        """Returns the list of Pillow's modes of all pictures that are not damaged."""
        return [header[0] for header in self.headers if not isinstance(header, str)]

    def find_white(self):
        """Finds the level that is white in pictures of more than 8 bits, the same in all splits."""
        deep = [
            place
            for place, header in enumerate(self.headers)
            if not isinstance(header, str) and pictures.deep(header[0])
        ]
        if not deep:
            return
        highest = max(self.asked(pictures.highest_levels, deep))
        bits = next(bits for bits in (8, 10, 12, 14, 16, 32) if highest < 2**bits)
        self.reader.white = 2**bits - 1
        if bits != 16:
            self.tell(
                f"{self.root}: pictures of more than 8 bits hold levels up to {highest}; "
                f"{self.reader.white} is taken as white."
            )

    def tell(self, sentence):
        """Warns, now and whenever the cache is read."""
        self.sentences.append(sentence)
        warnings.warn(sentence, stacklevel=5)

    def chunks(self, skip_damaged, twins=None):
        """Yields the pictures and their class ids, and the pictures of a folder of `twins`; reports
        the damaged ones at the end."""
        folders = [self, *([] if twins is None else [twins])]
        with contextlib.ExitStack() as pools:
            for folder in folders:
                pools.enter_context(folder.pool)
            yield from self._chunks(skip_damaged, folders)
        self.report(skip_damaged, folders)

    def _chunks(self, skip_damaged, folders):
        shapes = []
        for folder in folders:
            shapes.append(folder.shape())
            folder.find_white()
        damaged = set().union(*(folder.wrong for folder in folders))
        kept = [place for place in self.chosen if place not in damaged]
        read = [each.pool.map(each.reader.pictures, each.paths(kept)) for each in folders]
        for number, answers in enumerate(zip(*read, strict=True)):
            places = kept[number * AT_ONCE : (number + 1) * AT_ONCE]
            for folder, pictures_read in zip(folders, answers, strict=True):
                folder.wrong.update(
                    {p: a for p, a in zip(places, pictures_read, strict=True) if isinstance(a, str)}
                )
            damaged = set().union(*(folder.wrong for folder in folders))
            if damaged and not skip_damaged:
                continue  # nothing will come of it but the report
            good = [at for at, place in enumerate(places) if place not in damaged]
            if not good:
                continue
            parts = [[pictures_read[at] for at in good] for pictures_read in answers]
            for shape, images, folder in zip(shapes, parts, folders, strict=True):
                check_sizes([shape, *(each.shape for each in images)], folder.root)
            images, *sources = map(np.stack, parts)
            ids = None if self.labels is None else self.labels[[places[at] for at in good]]
            yield images, ids, *sources

    def report(self, skip, folders):
        """Refuses the damaged pictures, all at once, or warns that they are left out."""
        damaged = set().union(*(folder.wrong for folder in folders))
        if not damaged:
            return
        listed = named(
            f"{file if folder is self else folder.root / file} ({why})"
            for folder in folders
            for file, why in ((folder.files[p], why) for p, why in sorted(folder.wrong.items()))
        )
        if skip and len(damaged) < len(self.chosen):
            self.tell(f'"{self.root}": left out damaged images: {listed}.')
            return
        raise UserError(
            f'"{self.root}": cannot read {len(damaged)} of {len(self.chosen)} images: {listed}. '
            f"Repair or delete them, or leave them out: `skip_damaged=True`, in a recipe "
            f"data.skip_damaged=true."
        )


def named(items):
    """Returns the first of some texts, and the number of the others."""
    items = list(items)
    more = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return f"{', '.join(items[:LISTED])}{more}"
