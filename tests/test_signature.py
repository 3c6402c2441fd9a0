"""`Signature`: the inputs and outputs of a generator."""

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kerasgan
from kerasgan import export
from kerasgan.models.dcgan import build_discriminator
from kerasgan.signature import (
    Film,
    Image,
    Label,
    Latent,
    Mask,
    Scalar,
    Signature,
    Vector,
    Waveform,
)
from kerasgan.utils.errors import UserError

EVERY = Signature(
    {
        "z": Latent(4, uniform=(0, 1)),
        "label": Label(3),
        "text": Vector(5),
        "psi": Scalar(0.5, 0, 1),
    },
    Image((8, 8, 3)),
    extra={"wrong_text": Vector(5)},
)


def test_a_signature_survives_json():
    for signature in (EVERY, Signature({"z": Latent(2)}, Waveform(16, rate=8000))):
        again = Signature.from_config(signature.get_config())
        assert again.inputs == signature.inputs and again.output == signature.output
        assert again.example == signature.example


def test_an_example_is_the_output_the_given_inputs_and_the_discriminator_only_inputs():
    assert list(EVERY.example) == ["image", "label", "text", "wrong_text"]
    parts = EVERY.example_from((1, 2, 3, 4))
    assert parts == EVERY.example_from(
        {"wrong_text": 4, "text": 3, "image": 1, "label": 2, "id": 9}
    )
    assert parts == EVERY.example_from(1, {"label": 2, "text": 3, "wrong_text": 4})
    with pytest.raises(UserError, match=r"`wrong_text` must be given, shape \(N, 5\)"):
        EVERY.example_from((1, 2, 3), who="Mine")
    with pytest.raises(UserError, match=r"trains on \(image, label.*Received: 5 parts"):
        EVERY.example_from((1, 2, 3, 4, 5))
    with pytest.raises(UserError, match="Received: photo"):
        EVERY.example_from({"photo": 1})


def test_an_input_cannot_have_the_name_of_the_output():
    with pytest.raises(UserError, match='different names, and "image"'):
        Signature({"image": Image((8, 8, 1))}, Image((8, 8, 1)))


def test_inputs_are_drawn_in_turn_by_default_or_given():
    given = {"text": tf.zeros((4, 5))}
    z, label, text, psi = EVERY.draw(4, [0, 0], given)
    assert z.shape == (4, 4) and 0 <= float(tf.reduce_min(z))
    assert label.numpy().tolist() == [0, 1, 2, 0] and psi.numpy().tolist() == [0.5] * 4
    with pytest.raises(UserError, match="must be given"):
        EVERY.draw(4, [0, 0])


@pytest.mark.parametrize(
    "kind, values, message",
    [
        (Label(3), [0, 3], "must lie in 0 to 2"),
        (Label(3), [0.5, 1.0], "`x` must be class ids, whole numbers. Received: 0.5"),
        (Label(3), ["cat", "dog"], r"Received: \['cat'\] ...; `names, labels = numpy.unique"),
        (Label(3), np.eye(4)[:2], r"or one-hot \(N, 3\). Received: shape=\(2, 4\)"),
        (Label(3), [0, 1, 2], "must hold 2 class ids. Received: 3"),
        (Vector(3), np.zeros((2, 4)), r"must have shape \(2, 3\)"),
        (Vector(1), [[np.nan], [0.0]], "must be finite"),
        (Scalar(1.0, 0.0, 2.0), [0.0, 2.5], r"must lie in \[0, 2\]"),
        (Image((8, 8, 1)), np.zeros((2, 8, 8, 3)), r"images of shape \(8, 8, 1\)"),
        (Image((8, 8, 1)), np.full((2, 8, 8, 1), 9.0), r"must lie in \[-1, 1\]"),
        (Waveform(4), np.full((2, 4, 1), 2.0), r"must lie in \[-1, 1\]"),
        (Film((3, 8, 8, 1)), np.zeros((2, 8, 8, 1)), r"films, shape \(N, 3, 8, 8, 1\)"),
        (Film((3, 8, 8, 1)), np.full((2, 3, 8, 8, 1), 9.0), r"must lie in \[-1, 1\]"),
        (Film((3, 8, 8, 1)), np.full((2, 3, 8, 8, 1), np.nan), "must be finite"),
        (Mask((8, 8)), np.full((2, 8, 8, 1), 0.5), "`x` must be 0 or 1, .* Received: 0.5"),
        (Mask((8, 8)), np.zeros((2, 8, 8)), r"must have shape \(2, 8, 8, 1\)"),
    ],
)
def test_values_that_do_not_fit_are_reported(kind, values, message):
    with pytest.raises(UserError, match=message):
        kind.check(values, "x", 2)


class Truncated(kerasgan.DCGAN):
    """A model whose generator takes a number in addition to the latents."""

    def __init__(self, image_shape=(8, 8, 1), **options):
        z, psi = keras.Input((4,), name="z"), keras.Input((), name="psi")
        x = keras.layers.Multiply()([z, keras.layers.Reshape((1,))(psi)])
        x = keras.layers.Dense(64, activation="tanh")(x)
        images = keras.layers.Reshape(image_shape)(x)
        kerasgan.GAN.__init__(
            self,
            keras.Model([z, psi], images, name="generator"),
            build_discriminator(image_shape, 4),
            signature=Signature({"z": Latent(4), "psi": Scalar(1.0, 0.0, 1.0)}, Image(image_shape)),
            **options,
        )


def test_a_number_has_its_default_everywhere_and_can_be_given(tmp_path):
    gan = Truncated(seed=0)
    whole, none = gan.sample(3, seed=1), gan.sample(3, seed=1, psi=0.0)
    assert np.abs(whole).max() > 0.1 and np.ptp(none, axis=0).max() == 0.0
    np.testing.assert_array_equal(whole, gan.sample(3, seed=1, psi=[1.0] * 3))
    with pytest.raises(UserError, match=r"`psi` must lie in \[0, 1\]"):
        gan.sample(3, psi=2.0)
    with pytest.raises(UserError, match="takes `psi`. Received: phi"):
        gan.sample(3, phi=0.5)
    served = tf.saved_model.load(export.saved_model(gan, tmp_path / "served")).signatures["sample"]
    request = {"seed": tf.constant(1, tf.int64), "num": tf.constant(3)}
    made = served(**request, psi=tf.constant([1.0]))["images"]
    np.testing.assert_allclose(made, whole, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`psi` is too high"):
        served(**request, psi=tf.constant([2.0]))
    for mode in (None, "int8"):
        path = export.tflite(gan, tmp_path / "generator.tflite", quantization=mode)
        run = Interpreter(path).get_signature_runner()
        assert set(run.get_input_details()) == {"z", "psi"}


def test_a_signature_that_is_not_the_generators_is_refused():
    def build(signature):
        return kerasgan.GAN(
            Truncated().generator, build_discriminator((8, 8, 1), 4), signature=signature
        )

    with pytest.raises(UserError, match="generator of several inputs needs `signature`"):
        build(None)
    with pytest.raises(UserError, match=r"The generator takes \[\(4,\), \(\)\]"):
        build(Signature({"z": Latent(5), "psi": Scalar(1.0)}, Image((8, 8, 1))))
    with pytest.raises(UserError, match=r"The generator gives \[\(8, 8, 1\)\]"):
        build(Signature({"z": Latent(4), "psi": Scalar(1.0)}, Image((8, 8, 3))))
    with pytest.raises(UserError, match="inputs are called"):
        build(Signature({"latents": Latent(4), "psi": Scalar(1.0)}, Image((8, 8, 1))))


def test_the_attribute_of_kerasgan_0_1_is_not_silently_ignored():
    with pytest.raises(UserError, match="latent_range is no longer read: pass `signature="):
        type("Old", (kerasgan.DCGAN,), {"latent_range": (-1.0, 1.0)})


def test_examples_of_given_inputs_come_from_the_first_fit_and_stay(tmp_path):
    pytest.importorskip("foreign")
    from foreign.pictures import Colouring

    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (100, 16, 16, 3)).astype("float32")
    pictures = images.mean(axis=-1, keepdims=True)
    gan = Colouring()
    gan.compile()
    with pytest.raises(UserError, match="`picture` must be given"):
        gan.sample(3)
    gan.fit({"image": images, "picture": pictures}, batch_size=20, shuffle=False, verbose=0)
    assert gan.examples["picture"].shape == (64, 16, 16, 1)
    np.testing.assert_array_equal(gan.examples["picture"], pictures[:64])
    gan.fit({"image": -images, "picture": -pictures}, batch_size=20, shuffle=False, verbose=0)
    np.testing.assert_array_equal(gan.examples["picture"], pictures[:64])
    np.testing.assert_array_equal(gan.sample(3), gan.sample(3, picture=pictures[:3]))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.sample(70), gan.sample(70))
    path = export.tflite(loaded, tmp_path / "int8.tflite", quantization="int8")
    assert set(Interpreter(path).get_signature_runner().get_input_details()) == {"picture"}


SMALLER = Signature(
    {"small": Image((4, 4, 3)), "frames": Film((2, 8, 8, 3))},
    Image((8, 8, 3)),
    made={"small": lambda parts: parts["image"][:, ::2, ::2]},
)


def test_inputs_that_are_made_of_examples_are_no_part_of_them():
    assert list(SMALLER.example) == ["image", "frames"] and SMALLER.needed == ["image", "frames"]
    parts = {"image": np.ones((3, 8, 8, 3)), "frames": np.zeros((3, 2, 8, 8, 3))}
    given = SMALLER.given_of(parts)
    assert given["small"].shape == (3, 4, 4, 3) and given["frames"] is parts["frames"]
    with pytest.raises(UserError, match="must be given: small. Received: z"):
        Signature({"small": Image((4, 4, 3))}, Image((8, 8, 3)), made={"z": None})


class Enlarging(kerasgan.GAN):
    """Makes its inputs of the images that it trains on."""

    def __init__(self, side=8, **options):
        small = keras.Input((side // 2, side // 2, 1), name="small")
        images = keras.layers.UpSampling2D(2, dtype="float32")(keras.layers.Conv2D(1, 1)(small))
        super().__init__(
            keras.Model(small, images, name="generator"),
            build_discriminator((side, side, 1), 4),
            signature=Signature(
                {"small": Image((side // 2, side // 2, 1))},
                Image((side, side, 1)),
                made={"small": lambda parts: parts["image"][:, ::2, ::2]},
            ),
            **options,
        )
        self.side = side

    @staticmethod
    def default_optimizers():
        return keras.optimizers.Adam(), keras.optimizers.Adam()

    def train_step(self, images):
        with tf.GradientTape() as tape:
            made = self.generator(images[:, ::2, ::2], training=True)
            loss = tf.reduce_mean((made - images) ** 2)
        self.minimize(tape, loss, self.generator, self.g_optimizer)
        return self.end_step(g_loss=loss)


@pytest.mark.parametrize("form", ["arrays", "dataset", "once", "PyDataset"])
def test_inputs_that_are_made_are_kept_and_scored(form):
    images = np.random.default_rng(0).uniform(-1, 1, (80, 8, 8, 1)).astype("float32")
    gan = Enlarging()
    gan.compile()

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 10

        def __getitem__(self, place):
            return images[place * 8 : place * 8 + 8]

    batches = [images[place : place + 8] for place in range(0, 80, 8)]
    forms = {
        "arrays": images,
        "dataset": tf.data.Dataset.from_tensor_slices(images).batch(8),
        "once": iter(batches),
        "PyDataset": Batches(),
    }
    options = {"arrays": {"batch_size": 8}, "once": {"steps_per_epoch": 10}}
    gan.fit(forms[form], verbose=0, shuffle=False, **options.get(form, {}))
    np.testing.assert_array_equal(gan.examples["small"], images[:64, ::2, ::2])
    asked = []
    gan.outputs_for = lambda inputs, *rest: asked.append(inputs) or iter([images])
    with pytest.warns(UserWarning, match="inflated"):
        gan.evaluate(images, verbose=0)
    np.testing.assert_array_equal(asked[0]["small"], images[:, ::2, ::2])


def test_pictures_are_read_from_files(tmp_path):
    gan = Enlarging()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    for place, picture in enumerate(pictures):
        PIL.Image.fromarray(picture).save(tmp_path / f"{place}.png")
    expected = gan.sample(small=pictures[..., None])
    np.testing.assert_array_equal(gan.sample(images=tmp_path), expected)
    np.testing.assert_array_equal(gan.sample(small=str(tmp_path / "1.png")), expected[1:2])
    files = [tmp_path / "2.png", tmp_path / "0.png"]
    np.testing.assert_array_equal(gan.sample(small=files), expected[[2, 0]])
    (tmp_path / "3.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match="Cannot read 1 of 4 pictures: .*3.png"):
        gan.sample(images=tmp_path)
    with pytest.raises(UserError, match="No such file or folder"):
        gan.sample(images=tmp_path / "none")
    with pytest.raises(UserError, match="`small` must hold 5 images. Received: 3"):
        gan.sample(5, small=files[:1] * 3)


def test_grids_show_inputs_beside_samples():
    gan = Enlarging()
    small = np.full((4, 4, 4, 1), -1.0, "float32")
    grid = kerasgan.viz.sample_grid(gan, 4, small=small)
    assert grid.shape == (18, 38, 3)  # two pairs in a row
    assert grid[:8, :8].max() == 0 and grid[10:, 20:28].max() == 0
