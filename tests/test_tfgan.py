"""The bridge to TF-GAN: its modules on current TensorFlow, its losses in kerasgan's models."""

import importlib.util
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import losses, metrics, tfgan
from kerasgan.models import lsgan
from kerasgan.utils.errors import UserError

needs_tfgan = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_gan") is None,
    reason="TF-GAN is not installed: pip install kerasgan[tfgan]",
)


def pictures(num=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (num, 28, 28, 1)).astype("float32")


class LeastSquaresLosses(tfgan.WithLosses):
    generator_loss = staticmethod(lsgan.generator_loss)
    discriminator_loss = staticmethod(lsgan.discriminator_loss)


def test_without_tfgan_the_error_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow_gan", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"not installed: `pip install kerasgan\[tfgan\]`"):
        tfgan.losses  # noqa: B018


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'loses'"):
        tfgan.loses  # noqa: B018
    assert {"losses", "eval", "WithLosses"} <= set(dir(tfgan))


@needs_tfgan
@pytest.mark.parametrize(
    "module, name",
    [
        ("losses", "wasserstein_hinge_discriminator_loss"),  # takes a GANModel tuple
        ("losses.wargs", "wasserstein_hinge_discriminator_loss"),  # takes logits
        ("eval", "frechet_classifier_distance_from_activations"),
        ("features", "tensor_pool"),
        ("namedtuples", "GANModel"),
    ],
)
def test_modules_of_tfgan_import(module, name):
    found = tfgan
    for part in module.split("."):
        found = getattr(found, part)
    assert callable(getattr(found, name))
    assert found.__name__.startswith("tensorflow_gan.python.")


@needs_tfgan
def test_frechet_distance_equals_tfgan():
    rng = np.random.default_rng(0)
    features = [rng.normal(loc=i / 2, scale=1 + i, size=(500, 6)) for i in (0, 1)]
    ours = metrics.frechet_distance(*features)
    theirs = tfgan.eval.frechet_classifier_distance_from_activations(*map(tf.constant, features))
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5)


@needs_tfgan
def test_the_example_of_the_module_trains_saves_and_loads(tmp_path):
    example = tfgan.__doc__.split("brings them.\n")[1].split("What does not run")[0]
    names = {"__name__": __name__}
    exec(textwrap.dedent(example), names)
    gan = names["gan"]
    before = [np.concatenate([w.ravel() for w in n.get_weights()]) for n in networks(gan)]
    history = gan.fit(pictures(16), batch_size=8, verbose=0).history
    after = [np.concatenate([w.ravel() for w in n.get_weights()]) for n in networks(gan)]
    assert all(np.abs(new - old).max() > 0 for new, old in zip(after, before, strict=True))
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()

    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert type(loaded) is names["HingeDCGAN"]
    np.testing.assert_array_equal(loaded.sample(2, seed=0), gan.sample(2, seed=0))
    for model in (gan, loaded):
        model.fit(pictures(), batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_allclose(loaded.sample(2, seed=0), gan.sample(2, seed=0), atol=1e-6)


def networks(gan):
    return gan.generator, gan.discriminator


@needs_tfgan
def test_its_losses_run_compiled_and_in_mixed_precision():
    class LeastSquaresWGANGP(tfgan.WithLosses, kerasgan.WGANGP):
        generator_loss = staticmethod(tfgan.losses.wargs.least_squares_generator_loss)
        discriminator_loss = staticmethod(tfgan.losses.wargs.least_squares_discriminator_loss)

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = LeastSquaresWGANGP(image_shape=(2,), width=2, n_critic=1)
    finally:
        keras.config.set_dtype_policy("float32")
    gan.compile(jit_compile=True)
    history = gan.fit(np.ones((10, 2)), batch_size=10, verbose=0).history
    assert np.isfinite([history["d_loss"], history["g_loss"]]).all()


def test_a_discriminator_step_equals_that_of_the_model_with_the_same_losses():
    class HandedLSGAN(LeastSquaresLosses, kerasgan.LSGAN):
        pass

    models = [kerasgan.LSGAN, HandedLSGAN]
    models = [model((28, 28, 1), latent_dim=8, width=8, seed=1) for model in models]
    for ours, theirs in zip(*map(networks, models), strict=True):
        theirs.set_weights(ours.get_weights())
    for gan in models:
        gan.compile()
        gan.fit(pictures(), batch_size=8, shuffle=False, verbose=0)
    ours, handed = [[w.numpy() for w in gan.discriminator.trainable_weights] for gan in models]
    for mine, other in zip(ours, handed, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)


def test_handed_losses_keep_n_critic():
    class LeastSquaresWGANGP(LeastSquaresLosses, kerasgan.WGANGP):
        pass

    gan = LeastSquaresWGANGP((28, 28, 1), width=8, n_critic=3)
    gan.compile()
    assert set(gan.fit(pictures(12), batch_size=12, verbose=0).history) == {"d_loss", "g_loss"}
    assert int(gan.d_optimizer.iterations) == 3 and int(gan.g_optimizer.iterations) == 1


def test_handed_losses_train_conditional_models():
    class LeastSquaresConditionalGAN(LeastSquaresLosses, kerasgan.ConditionalGAN):
        pass

    gan = LeastSquaresConditionalGAN((28, 28, 1), num_classes=10, width=8)
    gan.compile()
    history = gan.fit(pictures(10), np.arange(10), batch_size=5, verbose=0).history
    assert set(history) == {"d_loss", "g_loss"}


def test_a_model_of_several_discriminators_is_refused():
    class LeastSquaresLAPGAN(LeastSquaresLosses, kerasgan.LAPGAN):
        pass

    with pytest.raises(UserError, match="one logit an image.*Received: LeastSquaresLAPGAN"):
        LeastSquaresLAPGAN((16, 16, 1), width=8).compile()


def test_a_model_without_its_losses_says_which_is_missing():
    class OneLoss(tfgan.WithLosses, kerasgan.DCGAN):
        discriminator_loss = staticmethod(losses.discriminator_loss)

    gan = OneLoss((28, 28, 1), width=8)
    gan.compile(run_eagerly=True)
    with pytest.raises(NotImplementedError, match="must set `generator_loss`"):
        gan.fit(pictures(), batch_size=8, verbose=0)
