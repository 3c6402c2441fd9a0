"""Checks of training data: errors give the argument, the position and the remedy."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import data, models
from kerasgan.data import checks
from kerasgan.signature import Image, Label, Latent, Signature
from kerasgan.signature.checks import check_images
from kerasgan.utils.errors import UserError, nearest


def test_nan_is_refused_with_name_count_and_place():
    pixels = np.zeros((5, 4, 4, 1), np.float32)
    pixels[3, 0, :3] = np.nan
    pixels[4, 0, 0] = np.inf
    with pytest.raises(UserError, match="photos must be finite.* 3 NaN and 1 infinite .* image 3"):
        check_images(pixels, "photos")
    with pytest.raises(UserError, match="images must be finite"):
        data.load(pixels, batch_size=2)


def test_values_outside_the_range_are_refused_with_what_was_found():
    pixels = np.zeros((5, 4, 4, 1), np.float32)
    pixels[2:] = 255
    with pytest.raises(UserError, match=r"values from 0 to 255, .* image 2; .*127.5 - 1"):
        check_images(pixels, "photos")
    check_images(np.full((1, 4, 4, 1), 1.00001), "photos")  # rounding errors are accepted


@pytest.mark.parametrize(
    "pixels, message",
    [
        (np.zeros((5, 28, 28)), r"must have shape \(N, H, W, C\).* `images\[\.\.\., None\]`"),
        (np.zeros((0, 28, 28, 1)), r"Received: shape=\(0, 28, 28, 1\)"),
        (np.zeros((5, 32, 32, 1), np.int64), "must be uint8, or float .* dtype=int64"),
        (np.zeros((5, 28, 28, 1)), r"must hold images of shape \(32, 32, 1\).* image_size"),
    ],
)
def test_wrong_shapes_and_dtypes_are_refused(pixels, message):
    with pytest.raises(UserError, match=message):
        check_images(pixels, "photos", image_shape=(32, 32, 1))


def read(dataset, signature):
    """Reads a checked dataset to its end."""
    refusals = checks.Refusals()
    dataset = checks.checked(dataset, signature, name="train", refusals=refusals)
    with refusals.raised():
        return list(dataset)


def test_dataset_is_refused_with_the_number_of_the_batch():
    pixels = np.zeros((12, 4, 4, 1), np.float32)
    pixels[9, 0, 0] = np.nan
    dataset = tf.data.Dataset.from_tensor_slices((pixels, np.arange(12))).batch(4)
    signature = Signature({"z": Latent(2), "label": Label(12)}, Image((4, 4, 1)))
    with pytest.raises(UserError, match=r"train \(batch 2\) must be finite.* image 1"):
        read(dataset, signature)


@pytest.mark.parametrize(
    "dataset, message",
    [
        (tf.data.Dataset.from_tensors({"photo": 1.0}), r"trains on \(image\). Received: photo"),
        (tf.data.Dataset.from_tensors(np.zeros((2, 4, 4, 1), np.int32)), "dtype=int32"),
        (tf.data.Dataset.from_tensors(np.zeros((4, 4, 1))), r"`dataset.batch\(64\)` makes"),
        (tf.data.Dataset.from_tensors(np.zeros((1, 4, 4, 1))).take(0), "at least one batch"),
        (tf.data.Dataset.from_tensors(np.zeros((1, 9, 4, 1))), r"of shape \(N, 4, 4, 1\)"),
    ],
)
def test_datasets_of_something_else_are_refused(dataset, message):
    signature = Signature({"z": Latent(2)}, Image((4, 4, 1)))
    with pytest.raises(UserError, match=message):
        read(dataset, signature)


def test_a_late_batch_is_checked_as_well_as_the_first():
    pixels = np.zeros((2200, 4, 4, 1), np.float32)
    labels = np.zeros(2200, "int32")
    pixels[2100, 0, 0], labels[2150] = np.nan, 7
    signature = Signature({"z": Latent(2), "label": Label(3)}, Image((4, 4, 1)))
    dataset = tf.data.Dataset.from_tensor_slices((pixels, labels)).batch(1)
    with pytest.raises(UserError, match=r"train \(batch 2100\) must be finite"):
        read(dataset, signature)
    with pytest.raises(UserError, match=r"`label` of train \(batch 49\) must lie in 0 to 2"):
        read(dataset.skip(2101), signature)


@pytest.mark.parametrize(("asked", "left"), [(None, False), (False, False), (True, True)])
def test_autotune_which_may_delay_the_end_of_an_epoch_is_off_by_default(asked, left):
    gan = models.get("lsgan")((16, 16, 1), width=8)
    options = tf.data.Options()
    if asked is not None:
        options.autotune.enabled = asked
    dataset = data.batches(np.zeros((4, 16, 16, 1), "float32"), batch_size=2).with_options(options)
    assert checks.training_dataset(gan, dataset).options().autotune.enabled is left


def test_nearest_lists_only_helpful_names():
    assert nearest("dcgn", ["DCGAN", "sagan"]) == 'did you mean "DCGAN"? Valid: DCGAN, sagan'
    many = [f"name{i}" for i in range(99)]
    assert nearest("name7", many).endswith("... (99 names)")
    assert nearest("qqq", many) == "none of the 99 valid names is near"
