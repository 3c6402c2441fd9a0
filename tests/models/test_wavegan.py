"""WaveGAN: networks and loss against PyTorch (`golden/make_wavegan.py`), a step by hand, files."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_files import reader

from kerasgan import WaveGAN, export
from kerasgan.layers import PhaseShuffle
from kerasgan.losses import gradient_penalty, wasserstein_critic_loss
from kerasgan.models.wavegan import build_critic, build_generator
from kerasgan.utils.errors import UserError

golden = reader("wavegan.npz")
SHIFTS = [[2, -1, 1, 0], [-2, 2, 0, 1], [1, -2, 2, -1]]  # as in the golden file, by layer
SMALL = {"length": 4096, "width": 2, "n_critic": 2, "seed": 1}


def numbered(arrays, name):
    return [
        arrays[f"{name}{i}"] for i in range(sum(k.rstrip("0123456789") == name for k in arrays))
    ]


def close(actual, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


def sounds(num, length=4096):
    return np.random.default_rng(0).uniform(-1, 1, (num, length, 1)).astype("float32")


CASES = pytest.mark.parametrize("length, width", [(4096, 2), (16384, 2)])


@CASES
def test_the_generator_is_the_authors_also_in_its_gradients(length, width):
    expected = golden(str(length))
    network = build_generator(length, latent_dim=6, width=width)
    network.set_weights(numbered(expected, "g"))
    z = tf.constant(expected["z"])
    with tf.GradientTape() as tape:
        tape.watch(z)
        audio = network(z, training=True)
        loss = tf.reduce_mean(audio**2)
    close(audio, expected["audio"])
    gradients = tape.gradient(loss, [z, *network.trainable_weights])
    for actual, wanted in zip(gradients, numbered(expected, "g_gradient"), strict=True):
        close(actual, wanted)


@CASES
def test_the_critic_s_loss_is_the_authors_through_phase_shuffle_and_penalty(
    monkeypatch, length, width
):
    expected = golden(str(length))
    critic = build_critic(length, width=width)
    critic.set_weights(numbered(expected, "d"))
    layers = sum(isinstance(layer, PhaseShuffle) for layer in critic.layers)
    shifts = [shift for each in SHIFTS for shift in each[:layers]]
    drawn = iter(shifts)
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_, **__: tf.constant(next(drawn)))

    def judged(audio):
        return critic(audio, training=True)

    real, fake = expected["real"], expected["fake"]
    with tf.GradientTape() as tape:
        real_logits, fake_logits = judged(real), judged(fake)
        penalty = gradient_penalty(judged, real, fake, tf.constant(expected["alpha"]))
        loss = wasserstein_critic_loss(real_logits, fake_logits) + 10.0 * penalty
    close(tf.concat([real_logits, fake_logits], 0), expected["logits"])
    close(penalty, expected["penalty"])
    close(loss, expected["loss"])
    gradients = tape.gradient(loss, critic.trainable_weights)
    for actual, wanted in zip(gradients, numbered(expected, "d_gradient"), strict=True):
        close(actual, wanted)
    assert next(drawn, None) is None


def test_networks_have_the_sizes_of_the_paper():
    gan = WaveGAN()
    assert gan.generator.count_params() == 19_065_345
    places = [layer.output.shape[1:] for layer in gan.generator.layers if "transpose" in layer.name]
    assert places == [(64, 512), (256, 256), (1024, 128), (4096, 64)]
    assert [o.get_config()["beta_1"] for o in WaveGAN.default_optimizers()] == [0.5, 0.5]


@pytest.mark.parametrize("length, shuffled", [(4096, 3), (16384, 4), (32768, 4), (65536, 4)])
def test_every_length_has_its_networks(length, shuffled):
    generator, critic = build_generator(length, width=1), build_critic(length, width=1)
    assert generator.output_shape == (None, length, 1)
    assert critic.input_shape == (None, length, 1)
    assert sum(isinstance(layer, PhaseShuffle) for layer in critic.layers) == shuffled
    assert critic.layers[-2].output.shape[1] == generator.layers[1].output.shape[1]


def test_a_step_is_that_of_wgan_gp_by_hand():
    """Two updates of the critic, on every second sound, then one of the generator."""

    def built():
        keras.utils.set_random_seed(0)
        gan = WaveGAN(**SMALL, phase_shuffle=0)
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), run_eagerly=True)
        return gan

    audio, by_hand = sounds(8), built()
    draws = [(by_hand.sample_latents(4), by_hand.sample_uniform(4)) for _ in range(2)]
    z = by_hand.sample_latents(4)
    critic, generator = by_hand.discriminator, by_hand.generator
    for part, (latents, alpha) in enumerate(draws):
        real, fake = tf.constant(audio[part::2]), generator(latents)
        share = alpha[:, None, None]
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                between = share * real + (1 - share) * fake
                inner.watch(between)
                values = critic(between)
            norms = tf.norm(tf.reshape(inner.gradient(values, between), (4, -1)), axis=1)
            penalty = tf.reduce_mean((norms - 1.0) ** 2)
            loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * penalty
        descend(critic, tape.gradient(loss, critic.trainable_weights))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(critic(generator(z)))
    descend(generator, tape.gradient(g_loss, generator.trainable_weights))

    gan = built()
    logs = gan.fit(audio, batch_size=8, shuffle=False, verbose=0).history
    for network, expected in ((gan.discriminator, critic), (gan.generator, generator)):
        for actual, wanted in zip(network.weights, expected.weights, strict=True):
            np.testing.assert_allclose(actual, wanted, atol=1e-5, err_msg=wanted.path)
    np.testing.assert_allclose(logs["g_loss"][0], g_loss, atol=1e-5)
    np.testing.assert_allclose(logs["gradient_penalty"][0], penalty, rtol=1e-4)


def descend(network, gradients):
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        weight.assign_sub(0.01 * gradient)


def test_the_critic_shuffles_in_every_call_of_a_step_and_in_no_other(monkeypatch):
    gan = WaveGAN(**SMALL)
    gan.compile(run_eagerly=True)
    drawn = []
    uniform = tf.random.stateless_uniform
    monkeypatch.setattr(
        tf.random,
        "stateless_uniform",
        lambda shape, *args, **kwargs: drawn.append(shape) or uniform(shape, *args, **kwargs),
    )
    gan.fit(sounds(4), batch_size=4, verbose=0)
    # Three layers; real, fake and between in both updates, and the fakes of the generator's
    assert drawn.count(()) == 3 * (2 * 3 + 1)
    drawn.clear()
    gan.discriminator(sounds(2))
    assert not drawn


def test_a_resumed_run_goes_on_with_the_same_shifts(tmp_path):
    gan = WaveGAN(**SMALL)
    gan.compile()
    gan.fit(sounds(8), batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for each in (gan, loaded):
        each.fit(sounds(8), batch_size=8, shuffle=False, verbose=0)
    for first, second in zip(gan.networks, loaded.networks, strict=True):
        for a, b in zip(first.weights, second.weights, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("quantization", [None, "float16", "dynamic", "int8", "int16x8"])
def test_tflite_needs_built_in_operators_only_in_every_mode(quantization, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    gan = WaveGAN(**SMALL)
    last = gan.generator.layers[-1]
    last.kernel.assign(20.0 * last.kernel)  # as loud as a trained one
    path = export.tflite(gan, tmp_path / "g.tflite", quantization, batch_size=2)
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    operators = {each["op_name"] for each in interpreter._get_ops_details()}
    assert not [each for each in operators if each.startswith("Flex")]
    (z,) = gan.inputs_for(2, seed=3).values()
    made = interpreter.get_signature_runner("serving_default")(z=z.numpy())["audio"]
    expected = gan.sample(2, seed=3)
    assert np.abs(expected).max() > 0.5
    assert np.abs(made - expected).max() <= {None: 1e-5, "float16": 1e-3}.get(quantization, 0.1)


@pytest.mark.parametrize(
    "dtype, jit_compile", [("mixed_float16", False), ("mixed_bfloat16", False), (None, True)]
)
def test_a_step_runs_in_mixed_precision_and_compiled(dtype, jit_compile):
    gan = WaveGAN(**SMALL, dtype=dtype)
    gan.compile(jit_compile=jit_compile)
    history = gan.fit(sounds(8), batch_size=8, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    judges = [layer for layer in gan.discriminator.layers if layer.weights]
    assert {layer.compute_dtype for layer in judges} == {"float32"}
    assert gan.sample(1).dtype == np.float32


def test_a_saved_model_writes_wav_files(tmp_path):
    gan = WaveGAN(**SMALL, rate=8000)
    served = tf.saved_model.load(gan.export(tmp_path / "served"))
    files = served.signatures["sample_wav"](seed=tf.constant(5, tf.int64), num=tf.constant(2))
    audio, rate = tf.audio.decode_wav(files["audio_bytes"][1])
    assert int(rate) == 8000
    assert np.abs(audio - gan.sample(2, seed=5)[1]).max() <= 0.5 / 2**15


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"length": 1000}, "`length` must be one of 4096, 16384, 32768, 65536. Received: .*1000"),
        ({"phase_shuffle": -1}, "`phase_shuffle` must be a whole number, 0 or more"),
        ({"rate": 0}, "`rate` must be a whole number, 1 or more"),
        ({"augment": "ada"}, "`augment` changes pictures. WaveGAN draws sounds"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        WaveGAN(**{**SMALL, **arguments})
