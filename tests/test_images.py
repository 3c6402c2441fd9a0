"""Pictures: conversion, grids, files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import replacing


def test_every_byte_survives_conversion_to_floats_and_back():
    bytes_ = np.arange(256, dtype=np.uint8)
    assert (pixels.to_uint8(pixels.from_uint8(bytes_)) == bytes_).all()


def test_floats_round_to_the_nearest_byte_and_clip():
    levels = np.array([-2.0, -1.0, 99.4 / 127.5 - 1, 99.6 / 127.5 - 1, 1.0, 5.0])
    assert pixels.to_uint8(levels).tolist() == [0, 0, 99, 100, 255, 255]


def test_images_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        pixels.to_uint8(np.array([0.0, np.nan]))


def test_from_uint8_takes_bytes_only():
    with pytest.raises(ValueError, match="must be uint8. Received: dtype=float64"):
        pixels.from_uint8(np.zeros(3))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_puts_image_i_at_row_i_over_columns(channels):
    pictures = np.stack([np.full((4, 6, channels), i, np.uint8) for i in range(5)])
    sheet = pixels.grid(pictures, columns=3, margin=1, background=9)
    assert sheet.shape == (4 * 2 + 1, 6 * 3 + 2, channels)
    assert (sheet[:4, 7:13] == 1).all() and (sheet[5:, :6] == 3).all()
    assert (sheet[5:, 14:] == 9).all() and (sheet[4] == 9).all()


def test_a_grid_refuses_anything_but_a_stack_of_images():
    with pytest.raises(ValueError, match=r"Received: shape=\(4, 4\)"):
        pixels.grid(np.zeros((4, 4)))


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_a_png_holds_exactly_the_pixels(tmp_path, channels, mode):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    pixels.save_picture(picture, tmp_path / "new" / "a.png", zoom=3)
    with Image.open(tmp_path / "new" / "a.png") as image:
        assert image.mode == mode and image.size == (21, 15)
        assert (np.asarray(image).reshape(15, 21, channels)[::3, ::3] == picture).all()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as temporary:
        Path(temporary).write_text("half")
        raise KeyError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix, kind", [("jpg", "JPEG"), ("webp", "WEBP"), ("PNG", "PNG")])
def test_the_suffix_decides_on_the_format(suffix, kind, tmp_path):
    pixels.save_picture(np.full((8, 8, 3), 99, "uint8"), tmp_path / f"a.{suffix}")
    with Image.open(tmp_path / f"a.{suffix}") as image:
        assert image.format == kind
    with pytest.raises(UserError, match="Pictures are written as .png, .*Received: .*a.gif"):
        pixels.save_picture(np.zeros((8, 8, 1), "uint8"), tmp_path / "a.gif")
