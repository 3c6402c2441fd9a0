"""Drum hits of Debian's package hydrogen-drumkits, with classes.

A kit is a folder with a `drumkit.xml`, which names the files of each instrument, often several of
the same instrument from soft to hard. `CLASSES` maps instruments to classes. What is no drum
(effects, a whistle), and what has no instrument's name, is left out.
"""

import functools
import re
import typing
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from kerasgan.data import audio
from kerasgan.data.splits import select
from kerasgan.data.unread import Unread
from kerasgan.utils.errors import UserError, needs
from kerasgan.utils.files import state
from kerasgan.utils.licences import LICENCES

NAME = "drum_hits"
FOLDER = Path("/usr/share/hydrogen/data/drumkits")
VERSION = 1  # of what is read; another one lets caches be prepared anew

# Kits by their folders, with author and licence as /usr/share/doc/hydrogen-drumkits/copyright says
# them; all may be used, changed and passed on.
KITS = {
    "Audiophob": ("soundcloud.com/audiophobdubstep", "CC0"),
    "BJA_Pacific": ("Luc Tanguay, Bransin James Anderson", "CC BY-SA 3.0 US"),
    "ColomboAcousticDrumkit": ("Marcos Guglielmetti", "GPL-2+, composition exception"),
    "ElectricEmpireKit": ("Artemiy Pavlov", "GPL-2+"),
    "ForzeeStereo": ("Vladimir Sadovnikov, Alexander Belokurov", "GPL-2"),
    "Gimme A Hand 1.0": ("Glen MacArthur", "GPL-2"),
    "HardElectro1": ("Artemiy Pavlov", "GPL-2+"),
    "Millo-Drums_v.1": ("Emiliano Grilli", "GPL-2"),
    "Millo_MultiLayered2": ("Emiliano Grilli", "GPL-2"),
    "Millo_MultiLayered3": ("Emiliano Grilli", "GPL-2"),
    "The Black Pearl 1.0": ("Glen MacArthur", "GPL-2"),
    "VariBreaks": ("Artemiy Pavlov", "GPL-2+"),
    "circAfrique v4": ("Jim Harney", "CC BY-SA 3.0"),
    "rumpf_kit_z01_h2": ("Emanuel Rumpf", "CC BY 3.0"),
}

# Classes in the order in which they are tried on an instrument's name, in lower case.
CLASSES = {
    "hat": r"\bhh\b|\bohh\b|\bhat\b|hi.?hat",
    "kick": r"kick|bass ?drum",
    "snare": r"snare|redo super opaco",
    "tom": r"\btom",
    "percussion": r"agogo|bongo|cajon|clap|clave|conga|cowbell|djembe|dununba|kenkeni|maraca|"
    r"rim click|sangban|snaps|stick|tambourine|waterglass|woodblock|\bdrum \d",
    "cymbal": r"bell\b|china|crash|cymbal|ride|splash",
}
NAMES = sorted(CLASSES)


class Instrument(typing.NamedTuple):
    kit: str
    name: str
    kind: str  # one of `NAMES`
    files: tuple  # of `pathlib.Path`, below `FOLDER`


def kind_of(instrument):
    """Returns the class of an instrument's name, or `None`.

    Example:

    >>> kind_of("Pearl Snare Rimshot"), kind_of("Hi-Hat Pedal"), kind_of("Zap 1")
    ('snare', 'hat', None)
    """
    name = instrument.lower()
    return next((kind for kind, words in CLASSES.items() if re.search(words, name)), None)


@functools.cache
def listed():
    """Returns all instruments with a class, in an order that mixes the kits.

    Raises:
        UserError: If the package is not installed.
    """
    if not FOLDER.is_dir():
        raise UserError(
            f'"{NAME}" is read from Debian\'s package: apt-get install hydrogen-drumkits.'
        )
    found = []
    for kit in sorted(KITS):
        seen = set()
        for name, files in instruments_of(FOLDER / kit / "drumkit.xml"):
            files = tuple(
                Path(kit, file)
                for file in files
                if file not in seen and (FOLDER / kit / file).is_file()  # one kit names more
            )
            seen.update(file.name for file in files)
            if files and (kind := kind_of(name)):
                found.append(Instrument(kit, name.strip(), kind, files))
    # NumPy guarantees this stream, unlike default_rng's.
    order = np.random.RandomState(0).permutation(len(found))
    return [found[place] for place in order]


def instruments_of(path):
    """Yields name and files of each instrument of a kit; some of these XML files have a namespace,
    and some do not."""
    for element in ElementTree.parse(path).iter():
        if element.tag.rpartition("}")[2] == "instrument":
            texts = [(each.tag.rpartition("}")[2], each.text or "") for each in element.iter()]
            name = next((text for tag, text in texts if tag == "name"), "")
            files = dict.fromkeys(text for tag, text in texts if tag == "filename")
            yield name, sorted(files)


def splits_of(instruments):
    """Returns the indices of the splits: every fifth instrument of a class is a test, with all of
    its files, since hits of one drum are much alike."""
    kinds = np.array([each.kind for each in instruments])
    place = np.array([np.sum(kinds[:i] == kind) for i, kind in enumerate(kinds)])
    tested = np.repeat(place % 5 == 0, [len(each.files) for each in instruments])
    return {"train": np.flatnonzero(~tested), "test": np.flatnonzero(tested)}


def unread_drums(split, reader):
    """Returns a split of the drum hits, not read yet.

    Args:
        split: The split.
        reader: A `kerasgan.utils.sounds.Reader`.
    """
    needs("soundfile", "sound")
    instruments = listed()
    every = [(file, each) for each in instruments for file in each.files]
    splits = splits_of(instruments)
    chosen = [every[place] for place in select(split, splits, NAME)]
    labels = np.array([NAMES.index(each.kind) for _, each in chosen], np.int32)
    return Unread(
        name=NAME,
        split=split,
        options={
            "set": NAME,
            "length": reader.length,
            "rate": reader.rate,
            "normalize": reader.normalize,
            "reader": VERSION,
        },
        stamp=[(str(file), *state(FOLDER / file)) for file, _ in every],
        count=len(chosen),
        shape=lambda: (reader.length, 1),
        chunks=lambda: audio.chunks(FOLDER, [file for file, _ in chosen], labels, reader),
        class_names=NAMES,
        licence=LICENCES[NAME],
        captions=[f"{each.kit}: {each.name}" for _, each in chosen],
        part="audio",
        rate=reader.rate,
    )
