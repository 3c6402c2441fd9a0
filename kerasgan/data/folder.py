"""Folders of images."""

from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps

from kerasgan.data.sizes import collect
from kerasgan.data.splits import select
from kerasgan.utils.errors import UserError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
SPLIT_FOLDERS = {"train", "test", "validation", "val"}


def read_folder(root, split, image_size):
    if not root.is_dir():
        raise UserError(f'No such folder: "{root}"')
    files = [path.relative_to(root) for path in root.rglob("*")]
    files = [
        file
        for file in files
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in file.parts)
    ]
    files.sort(key=lambda file: file.parts)
    split_names = SPLIT_FOLDERS & {file.parts[0] for file in files if len(file.parts) > 1}
    if split_names:
        files = [file for file in files if file.parts[0] in split_names]
        where = np.array([file.parts[0] for file in files])
    else:
        where = np.where(np.arange(len(files)) % 10 == 9, "test", "train")
    if not files:
        raise UserError(f'Folder "{root}" holds no images ({", ".join(sorted(IMAGE_SUFFIXES))}).')
    names = sorted(split_names) or ["train", "test"]
    chosen = select(split, {name: np.flatnonzero(where == name) for name in names}, root)

    # Of all files, so that every split comes with the same classes and channels.
    labels = _folder_classes([file.parts[bool(split_names) : -1] for file in files])
    mode = "L" if all(_is_grey(root / file) for file in files) else "RGB"
    chunks = (
        (_decode(root / files[i], mode)[None], None if labels is None else labels[i : i + 1])
        for i in chosen
    )
    return collect(chunks, len(chosen), image_size, root)


def _folder_classes(parents):
    """Numbers the classes in sorted order; `None` if an image lies outside any class folder."""
    if not all(parents):
        return None
    return np.unique([parts[0] for parts in parents], return_inverse=True)[1].astype(np.int32)


@contextmanager
def _opened(path):
    try:
        with Image.open(path) as image:
            yield image
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ...
        raise UserError(f'Cannot read the image "{path}": {error}') from error


def _is_grey(path):
    with _opened(path) as image:
        return image.mode in ("1", "L", "LA") or image.mode.startswith("I")


def _decode(path, mode):
    with _opened(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        pixels = np.asarray(image.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)
