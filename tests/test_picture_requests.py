"""SavedModel signatures that take pictures: bytes in and out, files in and out."""

import io
import types

import numpy as np
import pytest
import tensorflow as tf
from foreign.frames import Prediction
from foreign.holes import Completion
from foreign.pictures import Colouring
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2

import kerasgan
from kerasgan import data, export
from kerasgan.signature import Film, Latent, Mask, Scalar, Signature
from kerasgan.signature import Image as ImageKind
from kerasgan.signature.decoding import decoded
from kerasgan.utils.pixels import from_uint8, to_uint8

MADE = {"picture": Colouring, "holes": Completion, "frames": Prediction}


def file_of(picture, form="PNG", **options):
    """Returns the bytes of a picture file, of a uint8 array (H, W, C) or a Pillow image."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def pixels_of(file):
    with Image.open(io.BytesIO(file)) as image:
        values = np.asarray(image)
    return values.reshape(*values.shape[:2], -1)


def values_of(kind, num, seed=0):
    """Returns random values of an input as bytes 0 to 255, and as the network takes them."""
    values = kind.random(np.random.default_rng(seed), num)
    return np.asarray(kind.to_bytes(kind.check(values, "x"))), kind.check(values, "x")


def files_of(pixels):
    """Returns arrays of PNG files, (N,) for pictures and (N, frames) for films."""
    if pixels.ndim == 5:
        return np.array([[file_of(frame) for frame in film] for film in pixels], object)
    return np.array([file_of(picture) for picture in pixels], object)


@pytest.fixture(scope="module", params=MADE)
def served(request, tmp_path_factory):
    gan = MADE[request.param]()
    folder = export.saved_model(gan, tmp_path_factory.mktemp("served"))
    signatures = tf.saved_model.load(folder).signatures
    pixels, values = {}, {}
    for name, kind in gan.signature.given.items():
        pixels[name], values[name] = values_of(kind, 3)
    return types.SimpleNamespace(
        gan=gan,
        folder=folder,
        signatures=signatures,
        pixels=pixels,
        files={f"{name}_bytes": tf.constant(files_of(each)) for name, each in pixels.items()},
        expected=to_uint8(gan.sample(**values)),
    )


def close(made, expected):
    return np.abs(np.asarray(made).astype(int) - expected).max() <= 1


def test_a_model_of_pictures_has_signatures_for_bytes_and_files_and_none_that_samples(served):
    assert set(served.signatures) == {"serving_default", "uint8", "png"}
    wanted = served.signatures["png"].structured_input_signature[1]
    for name, kind in served.gan.signature.given.items():
        assert wanted[f"{name}_bytes"].dtype == tf.string
        frames = kind.shape[:1] if isinstance(kind, Film) else ()
        assert wanted[f"{name}_bytes"].shape.as_list() == [None, *frames]


def test_bytes_in_give_the_bytes_that_keras_makes(served):
    made = served.signatures["uint8"](**{k: tf.constant(v) for k, v in served.pixels.items()})
    assert made["images"].dtype == tf.uint8
    assert close(made["images"], served.expected)


def test_files_in_give_the_files_that_keras_makes(served):
    files = served.signatures["png"](**served.files)["image_bytes"].numpy()
    assert close(np.stack([pixels_of(file) for file in files]), served.expected)


def test_a_picture_of_another_size_is_brought_to_that_of_the_model(served):
    kinds = served.gan.signature.given
    rng = np.random.default_rng(1)
    large = {
        name: rng.integers(0, 256, (2, *getattr(kind, "files", ()), 40, 60, 3), dtype=np.uint8)
        for name, kind in kinds.items()
    }
    files = {f"{name}_bytes": tf.constant(files_of(each)) for name, each in large.items()}
    for file in served.signatures["png"](**files)["image_bytes"].numpy():
        assert pixels_of(file).shape == served.gan.signature.output.shape


def test_a_bad_request_gets_one_sentence_and_the_next_one_an_answer(served):
    first, *others = served.files
    png = served.signatures["png"]
    good = served.files
    whole = good[first].numpy()
    broken = whole.copy()
    broken.flat[-1] = b"no picture"
    cut = whole.copy()
    cut.flat[-1] = cut.flat[-1][:40]
    bad = [
        ({**good, first: tf.constant(broken)}, f"`{first}` must hold PNG or JPEG files"),
        ({**good, first: tf.constant(np.full_like(whole, b""))}, f"`{first}` must hold PNG or"),
        ({**good, first: tf.constant(cut)}, "(?i)invalid PNG"),
        ({name: each[:0] for name, each in good.items()}, f"`{first}` must hold at least one"),
    ]
    bad += [
        ({**good, name: good[name][:2]}, f"`{name}` must hold as many values as `{first}`")
        for name in others
    ]
    if whole.ndim == 2:
        bad.append(({first: good[first][:, 1:]}, "(?i)shape"))
    for request, message in bad:
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError), match=message):
            png(**request)
        assert len(png(**good)["image_bytes"]) == 3


def test_warm_up_requests_reach_the_files_signature_too(served):
    path = f"{served.folder}/assets.extra/tf_serving_warmup_requests"
    asked = set()
    for record in tf.data.TFRecordDataset(path):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(t)) for name, t in request.inputs.items()}
        name = request.model_spec.signature_name
        (made,) = served.signatures[name](**inputs).values()
        asked.add((name, len(made)))
    assert asked == {("serving_default", 1), ("serving_default", 8), ("png", 1), ("png", 8)}


# --- How files are read ---


def photo(sides, channels, seed=0):
    """Returns a smooth random picture, uint8 (H, W, channels)."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    image = Image.fromarray(small[..., 0] if channels == 1 else small, mode)
    return image.resize(sides[::-1], Image.Resampling.BICUBIC)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
@pytest.mark.parametrize("wanted", [1, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("sides", [(40, 60), (60, 33), (16, 24), (14, 22), (9, 5)])
def test_files_are_read_as_the_library_reads_them(sides, channels, wanted, tmp_path):
    image = photo(sides, channels)
    image.save(tmp_path / "a.png")
    expected = data.read_pictures(tmp_path / "a.png", (16, 24, wanted))
    made = decoded(tf.constant([file_of(image)]), (16, 24, wanted)).numpy()
    difference = np.abs(made.astype(int) - expected)
    if wanted == 4:  # colours that are hardly opaque are not seen
        difference = difference * (expected[..., 3:] / 255.0)
    assert difference.max() <= 4 and difference.mean() < 0.75


def test_jpeg_files_and_palettes_are_read_too():
    image = photo((40, 60), 3)
    expected = decoded(tf.constant([file_of(image)]), (16, 24, 3)).numpy()
    for form, options in (("JPEG", {"quality": 98}), ("PNG", {})):
        other = image if form == "JPEG" else image.quantize(256)
        made = decoded(tf.constant([file_of(other, form, **options)]), (16, 24, 3)).numpy()
        assert np.abs(made.astype(int) - expected).mean() < 6


def test_white_is_a_hole_and_black_and_transparent_are_none():
    kind = Mask((8, 8))
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:4] = 255  # the lower half is transparent
    files = tf.constant([file_of(picture), file_of(picture[..., :1])])
    masks = kind.from_bytes(kind.decode(files)).numpy()
    assert (masks[:, :4] == 1).all() and (masks[:, 4:] == 0).all()
    np.testing.assert_array_equal(kind.from_bytes(tf.constant(kind.to_bytes(masks))), masks)


class Noisy(kerasgan.GAN):
    """A picture and latents, and perhaps a number."""

    def __init__(self, strength=False):
        import keras

        kinds = {"z": Latent(4), "picture": ImageKind((8, 8, 1))}
        inputs = {
            "z": keras.Input((4,), name="z"),
            "picture": keras.Input((8, 8, 1), name="picture"),
        }
        if strength:
            kinds["strength"], inputs["strength"] = Scalar(1.0), keras.Input((), name="strength")
        x = keras.layers.Reshape((1, 1, 1))(keras.layers.Dense(1)(inputs["z"]))
        images = keras.layers.Activation("tanh")(keras.layers.Add()([inputs["picture"], x]))
        super().__init__(
            keras.Model(list(inputs.values()), images, name="generator"),
            keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]),
            signature=Signature(kinds, ImageKind((8, 8, 1))),
        )
        self.strength = strength


def test_a_model_with_latents_besides_takes_a_seed(tmp_path):
    gan = Noisy()
    signatures = tf.saved_model.load(gan.export(tmp_path / "served")).signatures
    pixels, _ = values_of(gan.signature.given["picture"], 2)
    made = signatures["uint8"](seed=tf.constant(3, tf.int64), picture=tf.constant(pixels))
    expected = to_uint8(gan.sample(picture=from_uint8(pixels), seed=3))
    assert close(made["images"], expected)
    files = tf.constant(files_of(pixels))
    files = signatures["png"](seed=tf.constant(3, tf.int64), picture_bytes=files)["image_bytes"]
    assert close(np.stack([pixels_of(file) for file in files.numpy()]), expected)


def test_a_model_that_needs_something_else_has_no_such_signature(tmp_path):
    signatures = tf.saved_model.load(Noisy(strength=True).export(tmp_path / "served")).signatures
    assert not {"png", "uint8"} & set(signatures)
