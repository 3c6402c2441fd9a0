"""The base class: behaviour that all models share and no paper describes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import DCGAN, data, metrics
from kerasgan.utils.errors import UserError


def small(**arguments):
    gan = DCGAN((8, 8, 1), width=4, **arguments)
    gan.compile()
    return gan


def pictures(num=16):
    return np.random.default_rng(0).uniform(-1, 1, (num, 8, 8, 1)).astype("float32")


class PixelMean(metrics.Extractor):
    """Replaces a network: the mean and deviation of an image's pixels as features."""

    name = "pixels"
    dim = 2
    sha256 = ""

    def __call__(self, images, batch_size=64):
        images = np.asarray(images, "float64")
        return np.stack([images.mean((1, 2, 3)), images.std((1, 2, 3))], axis=1)


def test_one_optimizer_for_both_networks_is_refused():
    adam = keras.optimizers.Adam()
    with pytest.raises(UserError, match="two optimizers, not one"):
        small().compile(adam, adam)


@pytest.mark.parametrize("decay", [0.0, 1.0, -1])
def test_an_ema_decay_outside_0_to_1_is_refused(decay):
    with pytest.raises(UserError, match=r"must lie in \(0, 1\). Received: ema_decay="):
        small(ema_decay=decay)


@pytest.mark.parametrize("num", [0, -1, 2.5, "4"])
def test_a_number_of_samples_below_1_is_refused(num):
    with pytest.raises(UserError, match="`num` must be a whole number, 1 or more"):
        small().sample(num)


def test_both_optimizers_are_built_before_the_first_step():
    gan = small()
    assert gan.g_optimizer.built and gan.d_optimizer.built


def test_evaluate_takes_arrays_datasets_and_statistics_alike():
    gan, images, extractor = small(), pictures(32), PixelMean()
    dataset = data.batches(images, batch_size=8)
    scores = [
        gan.evaluate(real, num=32, seed=1, extractor=extractor, verbose=0)["frechet_distance"]
        for real in (images, dataset, extractor.statistics([np.uint8((images + 1) * 127.5 + 0.5)]))
    ]
    assert scores == pytest.approx([scores[0]] * 3, rel=1e-6)


def test_validation_data_scores_every_epoch(monkeypatch):
    monkeypatch.setattr(metrics, "EfficientNetLite0", PixelMean)
    history = (
        small()
        .fit(pictures(), batch_size=8, epochs=2, validation_data=pictures(8), verbose=0)
        .history
    )
    assert len(history["val_frechet_distance"]) == 2


def test_an_unconditional_model_ignores_labels_in_training_and_refuses_them_in_samples():
    gan, labels = small(), np.zeros(16, "int32")
    for x, y in ((pictures(), labels), (data.batches(pictures(), labels, 8), None)):
        gan.fit(x, y, verbose=0)
    with pytest.raises(UserError, match="unconditional"):
        gan.sample(3, labels=[0, 1, 2])


def test_a_last_incomplete_batch_is_left_out():
    gan = small()
    gan.fit(pictures(20), batch_size=8, verbose=0)
    assert int(gan.d_optimizer.iterations) == 2


def test_minimize_steps_along_the_gradient():
    gan = small()
    weight = gan.generator.trainable_variables[0]
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_sum(w) for w in gan.generator.trainable_variables])
    before = weight.numpy()
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(gan.generator.trainable_variables)
    gan.minimize(tape, loss, gan.generator, optimizer)
    np.testing.assert_allclose(before - weight.numpy(), 1.0, rtol=1e-6)


def test_steps_per_execution_and_eager_runs_train_alike():
    weights = []
    for options in ({}, {"steps_per_execution": 2}, {"run_eagerly": True}):
        keras.utils.set_random_seed(0)
        gan = DCGAN((8, 8, 1), width=4, seed=0)
        gan.compile(**options)
        gan.fit(pictures(), batch_size=4, shuffle=False, verbose=0)
        weights.append(np.concatenate([w.ravel() for w in gan.generator.get_weights()]))
    np.testing.assert_allclose(weights[1], weights[0], atol=1e-5)
    np.testing.assert_allclose(weights[2], weights[0], atol=1e-5)


@pytest.mark.parametrize("form", ["1-tuples", "bytes"])
def test_datasets_train_alike_in_every_form(form):
    bytes_ = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype="uint8")
    floats = (bytes_ / 127.5 - 1).astype("float32")
    given = (floats,) if form == "1-tuples" else bytes_
    losses = []
    for source in (floats, given):
        keras.utils.set_random_seed(0)
        dataset = tf.data.Dataset.from_tensor_slices(source).batch(8)
        losses.append(small(seed=0).fit(dataset, verbose=0).history["d_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_stream_is_read_once_and_checked_as_it_passes():
    spec = tf.TensorSpec((None, 8, 8, 1), tf.float32)
    sound = iter([pictures(8)] * 3)
    steps = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: steps.append(step))
    gan = small()
    dataset = tf.data.Dataset.from_generator(lambda: sound, output_signature=spec)
    gan.fit(dataset, verbose=0, callbacks=[count])
    assert len(steps) == 3
    broken = iter([pictures(8), pictures(8) * np.nan])
    with pytest.raises(UserError, match=r"`x` \(batch 1\) must be finite"):
        gan.fit(tf.data.Dataset.from_generator(lambda: broken, output_signature=spec), verbose=0)


@pytest.mark.parametrize("name", ["validation_split", "class_weight", "sample_weight"])
def test_arguments_that_mean_nothing_to_a_gan_are_refused(name):
    with pytest.raises(UserError, match=f"`{name}` means nothing to a GAN"):
        small().fit(pictures(), batch_size=8, **{name: 0.5})


def test_evaluate_refuses_what_fit_refuses():
    gan = small()
    for real in (pictures() * 255, np.zeros((4, 16, 16, 3), "uint8"), pictures() * np.nan):
        with pytest.raises(UserError, match="`x` must"):
            gan.evaluate(real, extractor=PixelMean(), verbose=0)
    with pytest.raises(UserError, match="endless dataset"):
        gan.evaluate(data.batches(pictures(), batch_size=8).repeat(), extractor=PixelMean())
    with pytest.raises(UserError, match="`num` must be a whole number, 2 or more"):
        gan.evaluate(pictures(), num=1, extractor=PixelMean())


def test_an_automatic_jit_is_decided_anew_where_the_model_is_loaded():
    assert small().get_compile_config()["jit_compile"] == "auto"


def test_nothing_is_traced_after_the_first_step():
    traces = []

    class Counted(DCGAN):
        def train_step(self, images):
            traces.append(images.shape)
            return super().train_step(images)

    gan = Counted((8, 8, 1), width=4, seed=0)
    gan.compile()
    images = np.zeros((12, 8, 8, 1), "float32")
    gan.fit(images, batch_size=4, verbose=0)
    first = len(traces)
    gan.fit(images, batch_size=4, epochs=2, verbose=0)
    assert first == len(traces) == 1


class ByPosition(DCGAN):
    def __init__(self, *args, extra=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = extra


def test_arguments_that_a_subclass_passes_on_by_position_are_saved(tmp_path):
    gan = ByPosition((8, 8, 1), 7, width=4, extra=3)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert (loaded.extra, loaded.width, loaded.latent_dim) == (3, 4, 7)
    np.testing.assert_array_equal(loaded.sample(2, seed=0), gan.sample(2, seed=0))
