"""The contract of every model, run on each module of `kerasgan.models` and of `foreign`."""

import importlib
import inspect
import pkgutil
import types

import foreign
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kerasgan
from kerasgan import export, models
from kerasgan.utils.errors import UserError

# Two discriminator updates for models that take several, one block for those that repeat blocks,
# since tracing more costs 20 seconds, and no images for a stage without a discriminator.
SMALL = {
    **{"width": 8, "ema_decay": 0.9, "seed": 1, "n_critic": 2, "blocks": 1, "mse_images": 1},
    "length": 4096,
}
SHAPE = (32, 32, 1)
SHAPES = [(28, 28, 1), SHAPE, (32, 32, 3)]


def model(name):
    """Returns the model class of that name, from kerasgan or from `foreign`."""
    if not name.startswith("foreign."):
        return models.get(name)
    module = importlib.import_module(name)
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass)]
    return next(each for each in classes if each.__module__ == name)


def accepts(name, argument):
    return argument in model(name).constructor_parameters()


def build(name, image_shape=SHAPE, **arguments):
    arguments = {"image_shape": image_shape, **SMALL, **arguments}
    return model(name)(**{k: v for k, v in arguments.items() if accepts(name, k)})


def cases(slow=()):
    """Yields every model with 10 classes if it takes classes, and with defaults if these suffice.

    Args:
        slow: Ids of the cases that run in `make test-slow` instead of `make test`.
    """

    def case(id, arguments):
        marks = [pytest.mark.slow] if id in slow else []
        return pytest.param((id.split("-")[0], arguments), id=id, marks=marks)

    for name in models.names():
        if accepts(name, "num_classes"):
            yield case(f"{name}-10-classes", {"num_classes": 10})
            try:
                build(name)
            except UserError:  # it needs the number of classes
                continue
        yield case(name, {})
    for module in pkgutil.iter_modules(foreign.__path__):
        yield case(f"foreign.{module.name}", {})


@pytest.fixture(scope="module", params=cases(slow=("sagan", "biggan", "sngan-10-classes", "r3gan")))
def case(request):
    return request.param


def make(case, image_shape=SHAPE):
    """Returns a small model for a case, compiled with the optimizers of its paper."""
    name, arguments = case
    gan = build(name, image_shape, **arguments)
    gan.compile()
    return gan


def fake_images(num, image_shape=SHAPE):
    return np.random.default_rng(0).uniform(-1, 1, (num, *image_shape)).astype("float32")


def training_data(gan, batches):
    """Returns data for `batches` steps: images, labels or conditions if any, and batch size."""
    batch_size = 8 * gan.n_critic
    output, *others = gan.signature.example.values()
    images = fake_images(batches * batch_size, output.shape)
    if not others:
        return images, None, batch_size
    if others[0].turns:
        return images, np.arange(len(images)) % others[0].turns, batch_size
    return images, fake_images(len(images), others[0].shape), batch_size


def train(gan, batches=1, **arguments):
    images, labels, batch_size = training_data(gan, batches)
    return gan.fit(images, labels, batch_size=batch_size, verbose=0, **arguments)


def generator_inputs(gan, num, seed=0):
    """Returns the generator's inputs by the names that exports give them."""
    rng = np.random.default_rng(0)
    given = {
        name: tf.constant(kind.check(kind.random(rng, num), name))
        for name, kind in gan.signature.given.items()
    }
    return gan.signature.named(gan.signature.draw(num, [2, seed], given))


@pytest.fixture(scope="module")
def trained(case):
    """A model after two training steps, with its weights before and after the first. Tests share
    it because tracing a training step takes longer than all of them."""
    gan = make(case)
    before = [weight.numpy() for network in gan.networks for weight in network.trainable_weights]
    first = {"start": weights(gan.generator), "history": train(gan).history}
    first.update(one_step=weights(gan.generator), average=weights(gan.ema_generator))
    train(gan)
    return types.SimpleNamespace(gan=gan, before=before, **first)


def weights(network):
    return [weight.copy() for weight in network.get_weights()]


def largest_difference(first, second):
    pairs = zip(first, second, strict=True)
    return max(float(np.abs(np.asarray(a, "float64") - b).max()) for a, b in pairs)


@pytest.mark.parametrize("image_shape", SHAPES)
def test_samples_have_the_shape_and_range_of_images(case, image_shape):
    try:
        gan = make(case, image_shape)
    except UserError as refusal:
        assert image_shape != SHAPE and str(refusal).startswith("`image_shape` must")
        pytest.skip(str(refusal))
    if not accepts(case[0], "image_shape"):
        pytest.skip("its shape is its own")
    generator = np.random.default_rng(0)
    given = {name: kind.random(generator, 3) for name, kind in gan.signature.given.items()}
    samples = gan.sample(3, seed=0, **given)
    assert samples.shape == (3, *image_shape)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1.0
    assert samples.std() > 0.0


def test_two_steps_move_every_trainable_weight_of_both_networks(trained):
    gan = trained.gan
    trainable = [weight for network in gan.networks for weight in network.trainable_weights]
    # Two steps: if a gate starts at 0, the first step moves only the gate, nothing behind it.
    pairs = zip(trainable, trained.before, strict=True)
    assert not [weight.path for weight, old in pairs if (weight.numpy() == old).all()]


def test_a_step_logs_the_losses_that_the_model_names(trained):
    assert set(trained.history) == set(trained.gan.log_names)
    assert all(np.isfinite(values).all() for values in trained.history.values())


def test_fit_takes_datasets_as_well_as_arrays(trained):
    images, labels, batch_size = training_data(trained.gan, 2)
    dataset = tf.data.Dataset.from_tensor_slices(images if labels is None else (images, labels))
    dataset = dataset.batch(batch_size, drop_remainder=True)
    assert len(trained.gan.fit(dataset, epochs=2, verbose=0).epoch) == 2


def test_a_seed_fixes_samples_and_a_larger_number_only_appends(trained):
    gan = trained.gan
    few, many = gan.sample(3, seed=5), gan.sample(7, seed=5, batch_size=2)
    np.testing.assert_allclose(few, many[:3], atol=1e-5)  # matrix products depend on the batch
    differs = np.abs(gan.sample(3, seed=6) - few).max() > 0.1 * np.abs(few).max()
    assert differs == gan.signature.seeded


def test_training_draws_new_latents_at_every_step(trained):
    if not trained.gan.signature.seeded:
        pytest.skip("it has no latents")
    first, second = trained.gan.sample_latents(4), trained.gan.sample_latents(4)
    assert np.abs(first - second).max() > 0.1


def test_ema_generator_is_the_moving_average_and_draws_the_samples(trained):
    for a, b, average in zip(trained.start, trained.one_step, trained.average, strict=True):
        np.testing.assert_allclose(average, 0.9 * a + 0.1 * b, rtol=1e-6, atol=1e-6)
    gan = trained.gan
    inputs = list(generator_inputs(gan, 2).values())
    averaged = gan.ema_generator(inputs if len(inputs) > 1 else inputs[0])
    assert largest_difference([gan.generate(*inputs)], [averaged]) == 0.0


def test_a_keras_file_restores_samples_optimizers_and_random_state(trained, tmp_path):
    gan = trained.gan
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert largest_difference([loaded.sample(4, seed=1)], [gan.sample(4, seed=1)]) == 0.0
    for player, kept in gan.optimizers.items():
        restored = loaded.optimizers[player]
        assert type(kept) is type(restored)
        assert kept.get_config() == restored.get_config()
        values = [[v.numpy() for v in o.variables] for o in (kept, restored)]
        assert largest_difference(*values) == 0.0
        assert int(restored.iterations) > 0
    # The next step is identical too: the random state of the latents is restored.
    for model in (gan, loaded):
        train(model, shuffle=False)
    assert largest_difference(weights(gan.generator), weights(loaded.generator)) < 1e-6


def test_saved_model_agrees_with_keras_at_any_batch(trained, tmp_path):
    gan = trained.gan
    folder = gan.export(tmp_path / "served")
    assert folder == str(tmp_path / "served")
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    for batch in (1, 3, 64):
        inputs = generator_inputs(gan, batch, seed=batch)
        served = serve(**inputs)[gan.signature.output.tensor]
        expected = gan.generate(*inputs.values())
        assert largest_difference([served.numpy()], [expected.numpy()]) <= 1e-5


def test_tflite_agrees_with_keras_and_needs_built_in_operators_only(trained, tmp_path):
    gan = trained.gan
    interpreter = Interpreter(export.tflite(gan, tmp_path / "generator.tflite"))
    interpreter.allocate_tensors()
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not [operator for operator in operators if operator.startswith("Flex")]
    given = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
    (made,) = interpreter.get_output_details()
    inputs = generator_inputs(gan, 3)
    for i, image in enumerate(gan.generate(*inputs.values()).numpy()):
        for name, values in inputs.items():
            interpreter.set_tensor(given[name], values.numpy()[i : i + 1])
        interpreter.invoke()
        assert np.abs(interpreter.get_tensor(made["index"])[0] - image).max() <= 1e-5


def test_a_model_can_be_rebuilt_from_its_config(trained):
    gan = trained.gan
    assert type(gan).from_config(gan.get_config()).get_config() == gan.get_config()


def test_images_that_do_not_fit_are_refused_before_training(trained):
    gan = trained.gan
    if gan.image_shape != SHAPE:
        pytest.skip("its shape is its own")
    images, labels, batch_size = training_data(gan, 2)
    with pytest.raises(UserError, match=r"must hold images of shape \(32, 32, 1\)"):
        gan.fit(images[:, :28, :28], labels, batch_size=batch_size)
    broken = images.copy()
    broken[3, 0, 0] = np.nan
    with pytest.raises(UserError, match="`x` must be finite.*image 3"):
        gan.fit(broken, labels, batch_size=batch_size)
    images = np.round(images) * 255.0
    dataset = tf.data.Dataset.from_tensor_slices(images if labels is None else (images, labels))
    with pytest.raises(UserError, match=r"must lie in \[-1, 1\].*from -255 to 255"):
        gan.fit(dataset.batch(batch_size))


def test_labels_that_are_missing_wrong_or_not_wanted_are_refused_before_training(trained):
    gan = trained.gan
    images, labels, batch_size = training_data(gan, 1)
    if not gan.signature.asked:
        with pytest.raises(UserError, match="is unconditional and takes no labels"):
            gan.sample(2, labels=[0, 1])
        return
    if len(gan.signature.example) == 1:  # what it takes has a default
        message = "must have shape" if gan.signature.given else "Received: label"
        with pytest.raises(UserError, match=message):
            gan.sample(2, labels=[0, 1])
        return
    name = next(iter(gan.signature.asked))
    with pytest.raises(UserError, match=f"is conditional: `{name}` must be given"):
        gan.fit(images, batch_size=batch_size)
    with pytest.raises(UserError, match=rf"`{name}` must be given.* trains on \(image, {name}\)"):
        gan.fit(tf.data.Dataset.from_tensors(images))
    if gan.signature.given:
        with pytest.raises(UserError, match=f"`{name}` must (hold|have)"):
            gan.fit(images, labels[:, 1:], batch_size=batch_size)
        return
    for wrong in (-1, 10):
        with pytest.raises(UserError, match="must lie in 0 to 9. Received: ids from"):
            gan.fit(images, np.full_like(labels, wrong), batch_size=batch_size)
        with pytest.raises(UserError, match="must lie in 0 to 9. Received: ids from"):
            gan.sample(2, labels=[wrong, wrong])
    with pytest.raises(UserError, match=r"`label` must be class ids \(N,\) or one-hot"):
        gan.sample(2, labels=np.eye(2))


def test_a_batch_that_does_not_divide_by_the_discriminator_updates_is_refused(trained):
    gan = trained.gan
    if gan.n_critic == 1:
        pytest.skip("one update takes any batch")
    images, labels, batch_size = training_data(gan, 2)
    with pytest.raises(UserError, match=f"must be divisible by {gan.n_critic}"):
        gan.fit(images, labels, batch_size=batch_size + 1)


def test_a_model_is_a_public_name(case):
    name, _ = case
    if name.startswith("foreign."):
        pytest.skip("it is a user's")
    assert getattr(kerasgan, models.get(name).__name__) is models.get(name)
