"""`fit` takes what `keras.Model.fit` takes, with the same checks in every form."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import DCGAN, ConditionalGAN, data
from kerasgan.utils.errors import UserError

# What Keras says at the end of data of unknown length.
pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data")

CLASSES, BATCH = 3, 10
IMAGES = np.random.default_rng(0).uniform(-1, 1, (40, 8, 8, 1)).astype("float32")
IDS = np.arange(40, dtype="int32") % CLASSES
BROKEN = IMAGES.copy()
BROKEN[25, 0, 0] = np.nan
LABELS = {
    "int64": IDS.astype("int64"),
    "uint8 (N, 1)": IDS.astype("uint8")[:, None],
    "float": IDS.astype("float32"),
    "one-hot": np.eye(CLASSES, dtype="float32")[IDS],
    "bool one-hot": np.eye(CLASSES)[IDS] == 1,
}


def plain():
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
    return gan


def conditional():
    gan = ConditionalGAN((8, 8, 1), CLASSES, width=60, seed=0)
    gan.compile()
    return gan


@pytest.fixture(scope="module")
def gan():
    """Shared, since tracing its step takes longer than the tests."""
    return plain()


@pytest.fixture(scope="module")
def with_classes():
    return conditional()


def fit(gan, *data_, **arguments):
    return gan.fit(*data_, verbose=0, **arguments).history


def batches(*parts):
    """Yields batches, as a generator of a user does."""
    for start in range(0, len(parts[0]), BATCH):
        batch = tuple(part[start : start + BATCH] for part in parts)
        yield batch if len(batch) > 1 else batch[0]


class Pictures(keras.utils.PyDataset):
    def __init__(self, *parts, **arguments):
        super().__init__(**arguments)
        self.batches, self.ends = list(batches(*parts)), 0

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_end(self):
        self.ends += 1


class Again:
    """An iterable that starts anew for each epoch, such as PyTorch's `DataLoader`."""

    def __init__(self, *parts):
        self.parts = parts

    def __iter__(self):
        return batches(*self.parts)


def dataset(*parts):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).batch(BATCH)


class Labelled(ConditionalGAN):
    """Records the labels that it trains on."""

    def train_step(self, example):
        tf.numpy_function(lambda values: self.seen.extend(values.tolist()), [example[1]], [])
        return self.end_step(d_loss=0.0, g_loss=0.0)


@pytest.mark.parametrize("form", LABELS)
def test_labels_of_every_form_are_the_same_class_ids(form):
    gan = Labelled((8, 8, 1), CLASSES, width=60)
    gan.compile()
    gan.seen = []
    fit(gan, IMAGES, LABELS[form], batch_size=BATCH, shuffle=False)
    fit(gan, dataset(IMAGES, LABELS[form]))
    fit(gan, Pictures(IMAGES, LABELS[form]))
    np.testing.assert_array_equal(gan.seen, [*IDS, *IDS, *IDS])
    read, ids = data.load_arrays((IMAGES, LABELS[form]))
    np.testing.assert_array_equal(ids, IDS)
    source = data.ArraySource({"image": IMAGES, "label": LABELS[form]})
    np.testing.assert_array_equal(source.parts["label"], IDS)


@pytest.mark.parametrize(
    "labels, message",
    [
        (IDS + 0.5, "class ids, whole numbers. Received: 0.5"),
        (IDS + 1, "must lie in 0 to 2. Received: ids from 1 to 3"),
        (np.eye(4)[IDS], r"one-hot \(N, 3\)"),
    ],
)
def test_wrong_labels_are_refused_in_arrays_and_datasets(with_classes, labels, message):
    with pytest.raises(UserError, match=message):
        fit(with_classes, IMAGES, labels)
    with pytest.raises(UserError, match=message):
        fit(with_classes, dataset(IMAGES, labels))


def test_texts_as_labels_are_refused_with_the_way_to_number_them(with_classes):
    with pytest.raises(UserError, match="return_inverse=True.` numbers texts"):
        fit(with_classes, IMAGES, np.array(["cat"] * len(IMAGES)))
    with pytest.raises(UserError, match="numpy.unique"):
        data.load_arrays((IMAGES, np.array(["cat"] * len(IMAGES))))


def test_dicts_of_tfds_are_matched_by_name_and_other_features_ignored(with_classes, gan):
    example = {"image": IMAGES, "label": IDS.astype("int64"), "id": IDS}
    fit(with_classes, dataset(example))
    fit(gan, dataset(example))
    with pytest.raises(UserError, match=r"trains on \(image\). Received: picture, label"):
        fit(gan, dataset({"picture": IMAGES, "label": IDS}))


FORMS = {
    "generator": batches,
    "iterable": Again,
    "list of batches as an iterator": lambda *parts: iter(list(batches(*parts))),
    "PyDataset": Pictures,
    "PyDataset of two workers": lambda *parts: Pictures(*parts, workers=2),
    "tf.data": dataset,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_iterable_of_batches_trains(gan, with_classes, form):
    before = int(gan.d_optimizer.iterations)
    fit(gan, FORMS[form](IMAGES))
    fit(gan, FORMS[form](IMAGES, IDS))
    assert int(gan.d_optimizer.iterations) == before + 8
    before = int(with_classes.d_optimizer.iterations)
    fit(with_classes, FORMS[form](IMAGES, IDS))
    assert int(with_classes.d_optimizer.iterations) == before + 4


@pytest.mark.parametrize("form", FORMS)
def test_every_iterable_is_checked_with_the_number_of_the_batch(gan, form):
    with pytest.raises(UserError, match=r"`x` \(batch 2\) must be finite.* image 5"):
        fit(gan, FORMS[form](BROKEN))


def test_a_pydataset_hears_of_its_epochs_and_an_iterable_starts_anew(gan):
    pictures = Pictures(IMAGES)
    fit(gan, pictures, epochs=2)
    assert pictures.ends >= 2
    before = int(gan.d_optimizer.iterations)
    fit(gan, Again(IMAGES), epochs=2)
    assert int(gan.d_optimizer.iterations) == before + 8


def test_evaluate_takes_the_same_forms(gan):
    from test_gan import PixelMean

    arguments = {"num": 40, "extractor": PixelMean(), "verbose": 0}
    scores = [gan.evaluate(FORMS[form](IMAGES), **arguments) for form in FORMS]
    expected = gan.evaluate(IMAGES, **arguments)["frechet_distance"]
    assert [each["frechet_distance"] for each in scores] == pytest.approx([expected] * len(FORMS))


def test_a_list_is_an_array_and_a_mask_is_refused(gan, with_classes):
    fit(gan, list(IMAGES))
    fit(with_classes, [IMAGES, IDS])
    masked = np.ma.masked_array(IMAGES, IMAGES > 0)
    for x in (masked, (masked, IDS), {"image": masked}):
        with pytest.raises(UserError, match="is a masked array, and masks are not used"):
            fit(gan, x)
    with pytest.raises(UserError, match="masked array"):
        fit(with_classes, IMAGES, np.ma.masked_array(IDS, IDS > 1))
    with pytest.raises(UserError, match="masked array"):
        gan.evaluate(masked)


@pytest.mark.parametrize(
    "x, message",
    [
        ("photos", r"pass `kerasgan.data.load\('photos'\)`"),
        (5, "an iterable of batches. Received: int"),
        (iter([]), "must yield at least one batch"),
        (dataset(IMAGES).repeat(), "`x` is endless: give `steps_per_epoch`"),
        (tf.data.Dataset.from_tensor_slices(IMAGES), r"`dataset.batch\(64\)` makes batches"),
    ],
)
def test_what_is_no_training_data_is_refused_at_once(gan, x, message):
    with pytest.raises(UserError, match=message):
        fit(gan, x)


def test_an_endless_dataset_trains_for_the_steps_asked(gan):
    before = int(gan.d_optimizer.iterations)
    fit(gan, dataset(IMAGES).repeat(), steps_per_epoch=3, epochs=2)
    assert int(gan.d_optimizer.iterations) == before + 6


@pytest.mark.parametrize("shape", [None, (None, None, None, 1), (None, None, None, None)])
def test_unknown_shapes_are_checked_in_the_graph(gan, shape):
    def stream(*parts):
        spec = tf.TensorSpec(shape, tf.float32)
        return tf.data.Dataset.from_generator(lambda: iter(parts), output_signature=spec)

    before = int(gan.d_optimizer.iterations)
    fit(gan, stream(IMAGES[:10], IMAGES[10:20]))
    assert int(gan.d_optimizer.iterations) == before + 2
    with pytest.raises(UserError, match=r"\(batch 1\) must hold images of shape \(8, 8, 1\)"):
        fit(gan, stream(IMAGES[:10], IMAGES[:10, :4]))


def test_images_from_0_to_1_are_trained_on_with_a_warning(gan):
    halves = (IMAGES + 1) / 2
    for x in (halves, dataset(halves), Pictures(halves)):
        with pytest.warns(
            UserWarning, match=r"the upper half of the range .* `2 \* x - 1`"
        ) as told:
            fit(gan, x, epochs=2)
        assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(gan, np.uint8(halves * 255))


@pytest.mark.parametrize("name", ["sample_weight", "class_weight", "validation_split"])
@pytest.mark.parametrize("value", [np.ones(40), {0: 1.0}, 0.5])
def test_weights_are_refused_whatever_their_form(gan, name, value):
    with pytest.raises(UserError, match=f"`{name}` means nothing to a GAN"):
        fit(gan, IMAGES, **{name: value})


@pytest.mark.parametrize("argument", ["batch_size", "y"])
def test_what_batched_data_cannot_use_is_refused(gan, argument):
    with pytest.raises(UserError, match=f"`{argument}` goes with arrays"):
        fit(gan, dataset(IMAGES), **{argument: 10})


def test_the_default_batch_is_no_larger_than_the_data(gan):
    before = int(gan.d_optimizer.iterations)
    fit(gan, IMAGES)
    assert int(gan.d_optimizer.iterations) == before + 1


class Seen(DCGAN):
    """Records the first pixel of every image that it trains on."""

    def train_step(self, images):
        tf.numpy_function(
            lambda values: self.pixels.extend(values.tolist()), [images[:, 0, 0, 0]], []
        )
        return self.end_step(d_loss=0.0, g_loss=0.0)


def orders(calls, **arguments):
    gan = Seen((8, 8, 1), width=4, seed=0)
    gan.compile()
    gan.pixels, seen = [], []
    for epochs in calls:
        gan.pixels.clear()
        fit(gan, IMAGES, batch_size=16, epochs=epochs, **arguments)
        seen.append(list(gan.pixels))
    return seen


def test_each_call_of_fit_draws_a_new_order_and_sees_other_images():
    calls = orders([1] * 6)
    assert all(len(set(call)) == 32 for call in calls) and calls[0] != calls[1]
    assert len(set(sum(calls, []))) == 40
    assert orders([6]) == [sum(calls, [])]


def test_calls_of_fewer_steps_than_an_epoch_go_on_with_the_rest():
    first, second = orders([1, 1], steps_per_epoch=1)
    assert len({*first, *second}) == 32


def test_single_batches_train_and_are_tested(gan, with_classes):
    before = int(gan.d_optimizer.iterations)
    losses = gan.train_on_batch(IMAGES[:8])
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert int(gan.d_optimizer.iterations) == before + 1
    assert set(with_classes.train_on_batch(IMAGES[:8], IDS[:8], return_dict=True)) == {
        "d_loss",
        "g_loss",
    }
    state = [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables]
    values = [variable.numpy() for variable in state]
    tested = gan.test_on_batch(IMAGES[:8], return_dict=True)
    for variable, value in zip(state, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert tested == gan.train_on_batch(IMAGES[:8], return_dict=True)
    with pytest.raises(UserError, match="must be finite"):
        gan.train_on_batch(BROKEN)
    with pytest.raises(UserError, match="`sample_weight` means nothing"):
        gan.test_on_batch(IMAGES, sample_weight=np.ones(40))
