"""`kerasgan.data`: the contents and order of batches, and the input that is refused."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import data
from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError

MINI = "fashion_mnist_mini"


def numbered(count, channels=1):
    """Returns images filled with their own index, so that a batch shows their order."""
    pixels = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return np.broadcast_to(pixels, (count, 8, 8, channels))


def epoch(dataset):
    """Returns the indices of the images of one epoch, in order."""
    batches = [pixels.to_uint8(batch)[:, 0, 0, 0] for batch in dataset.as_numpy_iterator()]
    return np.concatenate(batches).tolist()


# --- Batches ---


def test_images_arrive_as_float32_in_minus_one_to_one():
    dataset = data.load(MINI, split="test", batch_size=500)
    assert dataset.element_spec == tf.TensorSpec((500, 28, 28, 1), tf.float32)
    batches = np.concatenate(list(dataset.as_numpy_iterator()))
    assert batches.shape == (2500, 28, 28, 1)
    assert batches.min() == -1.0 and batches.max() == 1.0


def test_scaling_is_exactly_that_of_images_from_uint8():
    every_byte = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    (batch,) = data.batches(every_byte, batch_size=256, shuffle=False)
    np.testing.assert_array_equal(batch, pixels.from_uint8(every_byte))
    np.testing.assert_array_equal(pixels.to_uint8(batch), every_byte)


def test_float_images_pass_through_unchanged():
    given = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 3))
    (batch,) = data.load(given, batch_size=6, shuffle=False)
    np.testing.assert_array_equal(batch, given.astype(np.float32))


def test_every_image_comes_once_per_epoch_and_each_epoch_in_a_new_order():
    dataset = data.batches(numbered(200), batch_size=7, seed=3, drop_remainder=False)
    first, second = epoch(dataset), epoch(dataset)
    assert sorted(first) == sorted(second) == list(range(200))
    assert first != second and first != sorted(first)


def test_same_seed_gives_the_same_sequence_of_orders():
    one, two, other = (data.batches(numbered(64), batch_size=8, seed=s) for s in (5, 5, 6))
    first = [epoch(one), epoch(one)]
    assert [epoch(two), epoch(two)] == first
    assert [epoch(other), epoch(other)] != first


def test_without_shuffle_images_come_in_order():
    assert epoch(data.batches(numbered(20), batch_size=5, shuffle=False)) == list(range(20))


def test_remainder_is_dropped_or_kept_and_cardinality_known():
    assert len(data.load(numbered(10), batch_size=4)) == 2
    kept = data.load(numbered(10), batch_size=4, drop_remainder=False)
    assert [len(batch) for batch in kept] == [4, 4, 2] and len(kept) == 3


def test_labels_stay_with_their_images_when_shuffled():
    dataset = data.load((numbered(100), np.arange(100)), labels=True, batch_size=10, seed=0)
    for batch, labels in dataset.as_numpy_iterator():
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(pixels.to_uint8(batch)[:, 0, 0, 0], labels)


def test_column_of_labels_as_keras_datasets_have_it_is_accepted():
    labels = data.load_arrays((numbered(5), np.arange(5).reshape(5, 1)))[1]
    np.testing.assert_array_equal(labels, np.arange(5))


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.arange(4), "a label for each of 5 images in images. Received: 4"),
        (np.linspace(0, 1, 5), "Labels of images must be class ids, whole numbers. Received: 0.25"),
        (np.ones((5, 3)), r"class ids \(N,\) or one-hot"),
    ],
)
def test_labels_other_than_one_class_per_image_are_refused(labels, message):
    with pytest.raises(UserError, match=message):
        data.batches(numbered(5), labels, batch_size=5)


def test_fewer_images_than_a_batch_are_refused_with_both_counts():
    with pytest.raises(UserError, match='"fashion_mnist_mini" .* 10 images, batch_size=64'):
        data.load(MINI, split="train[:10]")
    assert len(data.load(MINI, split="train[:10]", drop_remainder=False)) == 1


@pytest.mark.parametrize("argument", ["batch_size", "image_size"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "32", True])
def test_sizes_must_be_positive_whole_numbers(argument, value):
    with pytest.raises(UserError, match=f"`{argument}` must be a whole number, 1 or more"):
        data.load(MINI, **{argument: value})


# --- Sizes ---


def test_28_to_32_pads_two_pixels_of_background_and_keeps_the_rest():
    small, _ = data.load_arrays(MINI, "test")
    large, _ = data.load_arrays(MINI, "test", image_size=32)
    np.testing.assert_array_equal(large[:, 2:30, 2:30], small)
    assert large.dtype == np.uint8 and large.sum() == small.sum()
    (batch,) = data.load(MINI, "test", batch_size=2500, image_size=32, shuffle=False)
    assert (batch.numpy()[:, :2] == -1).all() and (batch.numpy()[:, :, -2:] == -1).all()


def test_odd_padding_of_floats_is_background_too():
    padded, _ = data.load_arrays(np.ones((1, 5, 8, 1)), image_size=8)
    assert padded.shape == (1, 8, 8, 1) and padded.dtype == np.float32
    np.testing.assert_array_equal(padded[0, :, 0, 0], [-1, 1, 1, 1, 1, 1, -1, -1])


def test_other_sizes_are_cropped_to_the_centre_and_averaged_with_rounding():
    wide = np.zeros((1, 8, 16, 3), np.uint8)
    wide[:, :, 4:12] = 201  # the central square only
    resized, _ = data.load_arrays(wide, image_size=2)
    np.testing.assert_array_equal(resized, np.full((1, 2, 2, 3), 201))
    stripes = np.tile(np.array([0, 255], np.uint8), 32)  # antialiasing turns them grey
    board = np.broadcast_to(stripes[None, None, :, None], (1, 64, 64, 1))
    grey, _ = data.load_arrays(board, image_size=8)
    assert abs(grey.astype(int) - 127.5).max() < 5
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 1), dtype=np.uint8)
    ours, _ = data.load_arrays(noise, image_size=20)
    pillow = [np.asarray(Image.fromarray(n[..., 0]).resize((20, 20), 2)) for n in noise]
    assert abs(ours[..., 0].astype(int) - np.stack(pillow)).max() <= 1
