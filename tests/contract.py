"""What every model owes. Runs over every module of `kerasgan.models` and names none of them."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kerasgan
from kerasgan import export, models
from kerasgan.errors import UserError

SMALL = {"width": 8, "ema_decay": 0.9, "seed": 1}
SHAPES = [(28, 28, 1), (32, 32, 3)]

every_model = pytest.mark.parametrize("name", models.names())


def make(name, image_shape=(28, 28, 1), **arguments):
    """A small model of that name, compiled with the optimizers of its paper."""
    model = models.get(name)
    accepted = inspect.signature(model.__init__).parameters
    arguments = {**SMALL, **arguments}
    gan = model(image_shape, **{k: v for k, v in arguments.items() if k in accepted})
    gan.compile()
    return gan


def fake_images(num, image_shape=(28, 28, 1)):
    return np.random.default_rng(0).uniform(-1, 1, (num, *image_shape)).astype("float32")


def weights(network):
    return [weight.copy() for weight in network.get_weights()]


def largest_difference(first, second):
    pairs = zip(first, second, strict=True)
    return max(float(np.abs(np.asarray(a, "float64") - b).max()) for a, b in pairs)


@every_model
@pytest.mark.parametrize("image_shape", SHAPES)
def test_samples_have_the_shape_and_range_of_images(name, image_shape):
    samples = make(name, image_shape).sample(3, seed=0)
    assert samples.shape == (3, *image_shape)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1.0
    assert samples.std() > 0.0


@every_model
def test_one_step_moves_every_trainable_weight_of_both_networks(name):
    gan = make(name)
    before = weights(gan.generator), weights(gan.discriminator)
    history = gan.fit(fake_images(16), batch_size=16, verbose=0).history
    for network, old in zip((gan.generator, gan.discriminator), before, strict=True):
        moved = [np.abs(new - o).max() > 0 for new, o in zip(weights(network), old, strict=True)]
        assert all(moved), [w.path for w, m in zip(network.weights, moved, strict=True) if not m]
    assert set(history) == set(gan.log_names)
    assert all(np.isfinite(values).all() for values in history.values())


@every_model
def test_fit_takes_datasets_as_well_as_arrays(name):
    gan = make(name, (32, 32, 3))
    dataset = tf.data.Dataset.from_tensor_slices(fake_images(32, (32, 32, 3))).batch(16)
    assert len(gan.fit(dataset, epochs=2, verbose=0).epoch) == 2


@every_model
def test_a_seed_fixes_samples_and_more_of_them_only_adds(name):
    gan = make(name)
    few, many = gan.sample(3, seed=5), gan.sample(7, seed=5, batch_size=2)
    np.testing.assert_allclose(few, many[:3], atol=1e-6)
    assert np.abs(gan.sample(3, seed=6) - few).max() > 1e-3


@every_model
def test_training_draws_other_latents_at_every_step(name):
    gan = make(name)
    first, second = gan.sample_latents(4), gan.sample_latents(4)
    assert np.abs(first - second).max() > 0.1


@every_model
def test_ema_generator_is_the_moving_average_and_is_what_samples(name):
    gan = make(name)
    start = weights(gan.generator)
    gan.fit(fake_images(16), batch_size=16, verbose=0)
    expected = [0.9 * a + 0.1 * b for a, b in zip(start, weights(gan.generator), strict=True)]
    assert largest_difference(weights(gan.ema_generator), expected) < 1e-6
    latents = gan.latent_prior(2, [0, 0])
    assert largest_difference([gan(latents)], [gan.ema_generator(latents)]) == 0.0


@every_model
def test_a_keras_file_restores_samples_optimizers_and_random_state(name, tmp_path):
    gan = make(name)
    gan.fit(fake_images(32), batch_size=16, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert largest_difference([loaded.sample(4, seed=1)], [gan.sample(4, seed=1)]) == 0.0
    for optimizer in ("g_optimizer", "d_optimizer"):
        kept, restored = getattr(gan, optimizer), getattr(loaded, optimizer)
        assert type(kept) is type(restored)
        assert kept.get_config() == restored.get_config()
        values = [[v.numpy() for v in o.variables] for o in (kept, restored)]
        assert largest_difference(*values) == 0.0
        assert int(restored.iterations) > 0
    # The next step is the same step: latents go on where they were.
    for model in (gan, loaded):
        model.fit(fake_images(16), batch_size=16, shuffle=False, verbose=0)
    assert largest_difference(weights(gan.generator), weights(loaded.generator)) < 1e-6


@every_model
def test_saved_model_agrees_with_keras_at_any_batch(name, tmp_path):
    gan = make(name)
    gan.fit(fake_images(16), batch_size=16, verbose=0)
    folder = gan.export(tmp_path / "served")
    assert folder == str(tmp_path / "served" / "1")
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    for batch in (1, 3, 64):
        latents = gan.latent_prior(batch, [2, batch])
        served = serve(z=latents)["images"]
        assert largest_difference([served.numpy()], [gan(latents).numpy()]) <= 1e-5


@every_model
def test_tflite_agrees_with_keras_and_needs_built_in_operators_only(name, tmp_path):
    gan = make(name)
    gan.fit(fake_images(16), batch_size=16, verbose=0)
    interpreter = Interpreter(export.tflite(gan, tmp_path / "generator.tflite"))
    interpreter.allocate_tensors()
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not [operator for operator in operators if operator.startswith("Flex")]
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    latents = gan.latent_prior(3, [2, 0]).numpy()
    for latent, image in zip(latents, gan(latents).numpy(), strict=True):
        interpreter.set_tensor(given["index"], latent[None])
        interpreter.invoke()
        assert np.abs(interpreter.get_tensor(made["index"])[0] - image).max() <= 1e-5


@every_model
def test_a_model_can_be_rebuilt_from_its_config(name):
    gan = make(name)
    assert type(gan).from_config(gan.get_config()).get_config() == gan.get_config()


@every_model
def test_images_that_do_not_fit_are_refused_before_training(name):
    gan = make(name)
    with pytest.raises(UserError, match=r"must hold images of shape \(28, 28, 1\)"):
        gan.fit(fake_images(16, (32, 32, 1)), batch_size=16)
    broken = fake_images(16)
    broken[3, 0, 0] = np.nan
    with pytest.raises(UserError, match="`x` must be finite.*image 3"):
        gan.fit(broken, batch_size=16)
    with pytest.raises(UserError, match=r"must lie in \[-1, 1\].*from -255 to 255"):
        gan.fit(tf.data.Dataset.from_tensor_slices(np.round(fake_images(64)) * 255.0).batch(16))


@every_model
def test_a_model_is_a_public_name(name):
    assert getattr(kerasgan, models.get(name).__name__) is models.get(name)
