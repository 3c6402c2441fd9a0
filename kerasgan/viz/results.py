"""Pictures that a model makes of picture files, each written under its own name."""

import os
import shutil
from pathlib import Path

import numpy as np

from kerasgan import data
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import check_parent, replacing
from kerasgan.utils.progress import shown

AT_ONCE = 32  # pictures that are read and made at a time
PATIENCE = 2.0  # seconds before a bar appears


class Inputs:
    """Values of the inputs of a model that takes pictures, read as they are needed.

    Args:
        gan: A `kerasgan.GAN`.
        paths: dict from inputs to the path of a file or folder. A single value serves all others.
            Inputs that are left out cycle through the examples that the model keeps.
        num: Number of values at most, or `None` for all.

    Raises:
        UserError: If an input is unknown, or their numbers of values differ.
    """

    def __init__(self, gan, paths, num=None):
        self.kinds = gan.signature.given
        check_names(gan, paths)
        self.items = {name: data.items_of(self.kinds[name], path) for name, path in paths.items()}
        counts = {name: len(items) for name, items in self.items.items()}
        most = max(counts.values(), default=0)
        wrong = {name: count for name, count in counts.items() if count not in (1, most)}
        if wrong:
            listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items())
            raise UserError(f"--input must name as many pictures each time. Received: {listed}")
        self.kept = {
            name: values for name, values in gan.examples.items() if name not in self.items
        }
        missing = [name for name in self.kinds if name not in self.items and name not in self.kept]
        if missing:
            raise UserError(
                f"{type(gan).__name__} takes `{missing[0]}`, and keeps no examples of it: pass "
                f"--input {missing[0]}=PATH."
            )
        most = most or len(next(iter(self.kept.values())))
        self.num = most if num is None else min(num, most)

    def __len__(self):
        return self.num

    @property
    def names(self):
        """List of the names of the results: those of the files of the input that has most."""
        items = max(self.items.values(), key=len, default=[])
        if len(items) < self.num or not items:
            return [f"{place:04}" for place in range(self.num)]
        return [name for name, _ in items[: self.num]]

    def values(self, start, stop):
        """Returns the values of some places: dict of arrays by name."""
        places = np.arange(start, min(stop, self.num))
        read = {}
        for name, items in self.items.items():
            if len(items) == 1:
                one = data.read_items(self.kinds[name], items)
                read[name] = np.repeat(one, len(places), axis=0)
            else:
                chosen = [items[place] for place in places]
                read[name] = data.read_items(self.kinds[name], chosen)
        for name, values in self.kept.items():
            read[name] = values[places % len(values)]
        return read


def check_names(gan, paths):
    """Checks that a model has inputs of these names that picture files can hold."""
    kinds = {name: kind for name, kind in gan.signature.given.items() if kind.files is not None}
    if not kinds:
        raise UserError(
            f"{type(gan).__name__} takes no pictures, but "
            f"{', '.join(f'`{name}`' for name in gan.signature.inputs)}: leave out --input."
        )
    for name in paths:
        if name not in kinds:
            known = ", ".join(f"`{each}`" for each in kinds)
            raise UserError(f"{type(gan).__name__} takes {known}. Received: --input {name}=...")


def write_results(gan, inputs, folder, seed=0, zoom=1, overwrite=False):
    """Writes what a model makes of each picture as a PNG file of the same name.

    All files are written or none: they are made beside the folder and moved into it at the end.

    Args:
        gan: A `kerasgan.GAN` that makes images.
        inputs: `Inputs`.
        folder: Folder to write into; other files in it stay.
        seed: Seed of the latents, for models that have some.
        zoom: Integer enlargement.
        overwrite: Whether files of these names may be replaced; those that are read never are.

    Returns:
        list of `pathlib.Path`, the files.

    Raises:
        UserError: If a file is there already, or two results would have one name.
    """
    folder = Path(folder)
    targets = checked_targets(inputs, folder, overwrite)
    check_parent(folder)
    starts = range(0, len(inputs), AT_ONCE)
    scratch = folder.parent / f".results-{os.getpid()}-{folder.name}"
    try:
        with replacing(scratch) as temporary:
            os.makedirs(temporary)
            chunks = (inputs.values(start, start + AT_ONCE) for start in starts)
            made = (gan.sample(batch_size=AT_ONCE, seed=seed, **values) for values in chunks)
            places = iter(targets)
            for images in shown(made, len(inputs), patience=PATIENCE):
                for picture in pixels.to_uint8(images):
                    pixels.save_picture(picture, Path(temporary) / next(places), zoom)
        if not folder.exists():
            os.replace(scratch, folder)
            return [folder / target for target in targets]
        for target in targets:
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch / target, folder / target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [folder / target for target in targets]


def checked_targets(inputs, folder, overwrite):
    """Returns the names of the files to write, after checking that their places are free."""
    targets = {}
    for name in inputs.names:
        target = str(Path(name).with_suffix(".png"))
        if Path(name).is_absolute():
            target = Path(target).name
        if target in targets:
            raise UserError(f"{targets[target]} and {name} both become {target}: rename one.")
        targets[target] = name
    read = {
        file.resolve() for items in inputs.items.values() for _, files in items for file in files
    }
    for target in targets:
        place = folder / target
        if place.resolve() in read:
            raise UserError(f"{place} is one of the pictures to read: name another --output.")
        if place.exists() and not overwrite:
            raise UserError(
                f"{place} exists: pass --overwrite to replace it, or name another --output."
            )
    return list(targets)
