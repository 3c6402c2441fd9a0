"""A split of a data set before it is read: into memory, or once and for all into the cache."""

import contextlib
import dataclasses
import datetime
import json
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kerasgan.data.sizes import check_sizes, collect
from kerasgan.data.source import ArraySource, fingerprints
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import cache_folder, delete, locked, replacing
from kerasgan.utils.progress import shown

IN_MEMORY = 2**30  # bytes of images up to which a split is read into memory
FORMAT = 2  # of the cache's folders
# What the first part of examples is called: NumPy's dtype of its file, and what a bar counts.
PARTS = {"image": ("|u1", "image"), "audio": ("<f4", "sound"), "source": ("|u1", "image")}
ABOUT = "set.json"


@dataclasses.dataclass
class Unread:
    """A split that is not read yet.

    Attributes:
        name: Name of the data set, or path of the folder.
        split: The split.
        options: dict of JSON values: what decides on the content, such as the path of a folder and
            the image size.
        stamp: JSON value that changes when the data do.
        count: Number of images at most, or `None` if it is not known.
        chunks: Function that returns an iterator of (uint8 images (n, H, W, C), class ids (n,) or
            `None`), or of these and uint8 images (n, H, W, C) that are the part "source".
        shape: Function that returns (H, W, C) of the images once they are brought to one size; by
            default that of the first chunk.
        source_shape: The same of the part "source", where there is one.
        class_names, licence, captions: As in `ArraySource`.
        told: Warnings that reading gave, which the cache repeats.
        kept: Whether it is kept in the cache by default, since reading it is slow.
        part: Name of the first part. "audio" means float32 sounds (n, T, 1) in place of images.
        rate: Samples per second of sounds.
    """

    name: str
    split: str
    options: dict
    stamp: object
    count: int | None
    chunks: Callable[[], Iterator]
    shape: Callable[[], tuple] | None = None
    source_shape: Callable[[], tuple] | None = None
    class_names: list | None = None
    licence: str | None = None
    captions: list | None = None
    told: list = dataclasses.field(default_factory=list)
    kept: bool = False
    part: str = "image"
    rate: int | None = None

    def read(self, cached=None):
        """Reads the split, from the cache if it is there.

        Args:
            cached: Whether to keep it in the cache; by default if it takes more than 1 GB or is
                slow to read.

        Returns:
            `ArraySource`.

        Raises:
            UserError: If the data cannot be read, or the disk has not enough space.
        """
        found = self._find()
        if found is not None:
            return found
        needed = None if self.count is None else self.count * self._bytes_of_one()
        large = self.kept or needed is None or needed > IN_MEMORY
        if cached or (cached is None and large):
            return self._prepare(needed)
        parts = collect(self._shown(), self.count, self.part)
        return ArraySource(
            parts,
            self.name,
            self.class_names,
            self.licence,
            captions=self.captions,
            origins=origins(parts),
            rate=self.rate,
        )

    def _bytes_of_one(self):
        shapes = [self.image_shape(), *([self.source_shape()] if self.source_shape else [])]
        of_one = np.dtype(PARTS[self.part][0]).itemsize
        return sum(int(np.prod(shape)) for shape in shapes) * of_one

    def image_shape(self):
        """Returns (H, W, C) of the images; (1, 1, 1) where there are none."""
        if self.shape is not None:
            return self.shape()
        images, *_ = next(self.chunks(), (np.empty((0, 1, 1, 1), np.uint8), None))
        return images.shape[1:]

    @property
    def folder(self):
        """The folder of the cache for this split."""
        key = hashing.of_json([self.split, self.options])[:12]
        last = re.sub(r"[^\w.-]+", "-", f"{os.path.basename(self.name)[:40]}-{self.split[:20]}")
        return sets_folder() / f"{last.strip('-')}-{key}"

    def _find(self):
        """Returns the source in the cache, or `None` if there is none of the data as they are."""
        about = described(self.folder)
        if about is None or about["stamp"] != hashing.of_json(self.stamp):
            return None
        return opened(self.folder, about, self.name)

    def _prepare(self, needed):
        """Reads the split into the cache, unless another process does so meanwhile."""
        with alone(self.folder.name, self.name):
            found = self._find()
            if found is not None:
                return found
            for left in sets_folder().glob(f".partial-*-{self.folder.name}"):
                delete(left)  # by a process that was killed: the lock is ours
            check_space(sets_folder(), needed, size_of(self.folder), self.name)
            size = "" if needed is None else f", {needed / 1e9:.1f} GB"
            print(f"Reading {self.name} {self.split}{size}, once, into {self.folder}")
            delete(self.folder)  # damaged, or of data that have changed
            with replacing(self.folder) as temporary:
                Path(temporary).mkdir()
                self._write(Path(temporary))
        return opened(self.folder, described(self.folder), self.name)

    def _write(self, folder):
        labels, shapes = [], {}
        with contextlib.ExitStack() as opened:
            files = {}
            for images, ids, *sources in self._shown():
                for part, chunk in zip((self.part, "source"), (images, *sources), strict=False):
                    if part not in files:
                        files[part] = opened.enter_context(open(folder / f"{part}.npy", "wb"))
                        shapes[part] = [0, *chunk.shape[1:]]
                        write_header(files[part], shapes[part], part)
                    files[part].write(np.ascontiguousarray(chunk).data)
                    shapes[part][0] += len(chunk)
                labels.append(ids)
            if not files:
                raise UserError(f'Split "{self.split}" of "{self.name}" holds no images.')
            for part, file in files.items():
                file.seek(0)
                write_header(file, shapes[part], part)
        if labels[0] is not None:
            np.save(folder / "label.npy", np.concatenate(labels).astype(np.int32))
        about = {
            "format": FORMAT,
            "name": self.name,
            "split": self.split,
            "options": self.options,
            "stamp": hashing.of_json(self.stamp),
            "fingerprints": fingerprints(beside_source(mapped(folder))),
            "origins": origins(mapped(folder)),
            "shapes": {part: list(values.shape) for part, values in mapped(folder).items()},
            "class_names": self.class_names,
            "licence": self.licence,
            "captions": self.captions,
            "rate": self.rate,
            "told": self.told,
            "prepared": datetime.date.today().isoformat(),
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")

    def _shown(self):
        """Yields the chunks, with a progress bar, and checks that all images have one size."""
        sized = (Chunk(chunk) for chunk in self.chunks())
        first = None
        for chunk in shown(sized, self.count, PARTS[self.part][1]):
            pictures = [each for place, each in enumerate(chunk) if place != 1]
            first = first or [each.shape[1:] for each in pictures]
            for shape, each in zip(first, pictures, strict=True):
                check_sizes([shape, each.shape[1:]], self.name)
            yield chunk


class Chunk(tuple):
    """A chunk whose length is that of its images."""

    def __len__(self):
        return len(self[0])


def sets_folder():
    """Returns the folder of the prepared sets."""
    return cache_folder() / "data"


def write_header(file, shape, part="image"):
    """Writes the start of the `.npy` file of a part; NumPy leaves room for more rows."""
    header = {"descr": PARTS[part][0], "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(file, header)


def mapped(folder):
    """Returns the dict of arrays in a folder of the cache, mapped from their files."""
    paths = [folder / f"{part}.npy" for part in ("image", "audio", "label", "source")]
    return {path.stem: np.load(path, mmap_mode="r") for path in paths if path.is_file()}


def beside_source(parts):
    """Returns the parts of examples without the part "source"."""
    return {part: values for part, values in parts.items() if part != "source"}


def origins(parts):
    """Returns a dict of the fingerprint of the part "source" alone, where there is one."""
    return fingerprints({"source": parts["source"]}) if "source" in parts else {}


def described(folder):
    """Returns what a folder of the cache says of itself, or `None` if it is not whole."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        shapes = {part: list(values.shape) for part, values in mapped(folder).items()}
        return about if about["format"] == FORMAT and about["shapes"] == shapes else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def opened(folder, about, name):
    """Returns the source in a folder of the cache, and repeats the warnings of its reading."""
    for sentence in about["told"]:
        warnings.warn(sentence, stacklevel=5)
    return ArraySource(
        mapped(folder),
        name,
        about["class_names"],
        about["licence"],
        cache=str(folder),
        fingerprints=about["fingerprints"],
        captions=about["captions"],
        origins=about.get("origins"),
        rate=about.get("rate"),
    )


@contextlib.contextmanager
def alone(folder, name):
    """Locks a folder of the cache against other processes; waits for one that has it.

    Args:
        folder: Name of the folder.
        name: The data set's name, for messages.

    Raises:
        UserError: If the cache cannot be written.
    """
    lock = lock_of(folder)
    try:
        sets_folder().mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise UserError(
            f"{name} cannot be kept in {sets_folder()} ({error.strerror}): set "
            f"KERASGAN_CACHE to a folder that can be written."
        ) from error
    with locked(lock, lambda: print(f"Waiting for another process that reads {name} ...")):
        yield


def lock_of(name):
    """Returns the lock file of a folder of the cache, which stays when the folder is deleted."""
    return sets_folder() / f".lock-{name}"


def size_of(folder):
    """Returns the bytes of a folder's files; 0 without one."""
    return sum(file.stat().st_size for file in folder.glob("*"))


def check_space(folder, needed, replaced, name):
    """Raises UserError if a disk has less space than so many bytes (`None`: not known), of which
    `replaced` become free."""
    free = shutil.disk_usage(folder).free + replaced
    if needed is not None and free < 1.01 * needed:
        raise UserError(
            f"{name} takes {needed / 1e9:.1f} GB in {folder}, where {free / 1e9:.1f} GB are free: "
            f"make room (`kerasgan data list` shows what lies there), or set KERASGAN_CACHE to a "
            f"folder of another disk."
        )


def prepared():
    """Returns what lies in the cache: a dict from the folder's name to what it says of itself, with
    its `bytes`; killed preparations have `None`."""
    found = {}
    for folder in sorted(sets_folder().glob("*")) + sorted(sets_folder().glob(".partial-*")):
        if folder.is_dir():
            about = described(folder) or {"name": None}
            found[folder.name] = {**about, "bytes": size_of(folder)}
    return found


def remove(name):
    """Deletes a folder of the cache.

    Args:
        name: Its name.

    Raises:
        UserError: If another process is reading the set into it.
    """
    lock = lock_of(re.sub(r"^\.partial-[0-9a-f]{8}-", "", name))
    lock.touch()
    with locked(lock):
        # First, so that what a killed deletion leaves does not count as whole.
        delete(sets_folder() / name / ABOUT)
        delete(sets_folder() / name)
