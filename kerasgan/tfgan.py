"""TF-GAN's losses and metrics on today's TensorFlow, and kerasgan's models trained with them.

`import tensorflow_gan` fails since TensorFlow 2.16 took Estimators away (tensorflow/gan#55), but
most of TF-GAN never needed them. `kerasgan.tfgan.losses`, `eval`, `features` and `namedtuples` are
TF-GAN's own modules, each imported at its first use; `pip install kerasgan[tfgan]` brings them.

    import kerasgan
    from kerasgan import tfgan

    class HingeDCGAN(tfgan.WithLosses, kerasgan.DCGAN):
        generator_loss = staticmethod(tfgan.losses.wargs.wasserstein_hinge_generator_loss)
        discriminator_loss = staticmethod(tfgan.losses.wargs.wasserstein_hinge_discriminator_loss)

    gan = HingeDCGAN(image_shape=(28, 28, 1), width=8)
    gan.compile()

What does not run on TensorFlow 2.21: TF-GAN's Estimators, spectral normalization, conditioning and
weight clipping. Its Inception metrics download their network from TF-Hub and were not tried.

Reference: https://github.com/tensorflow/gan, version 2.1.0
"""

import contextlib
import importlib
import importlib.util
import sys
import types
import warnings

import tensorflow as tf

from kerasgan.utils.errors import UserError

__all__ = ["WithLosses"]

_MODULES = ("eval", "features", "losses", "namedtuples")


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module 'kerasgan.tfgan' has no attribute {name!r}")
    _enter_package()
    with warnings.catch_warnings(), _pkg_resources():
        # TensorFlow Probability and TensorFlow Hub, which `eval` imports, use what is deprecated.
        warnings.simplefilter("ignore")
        return importlib.import_module(f"tensorflow_gan.python.{name}")


def __dir__():
    return sorted([*globals(), *_MODULES])


def _enter_package():
    """Puts TF-GAN's two outer packages into `sys.modules` without running their `__init__.py`.

    These import the Estimators. The modules inside then import each other as usual.
    """
    if "tensorflow_gan" in sys.modules:
        return
    found = importlib.util.find_spec("tensorflow_gan")
    if found is None:
        raise ImportError(
            "TF-GAN (tensorflow-gan) is not installed: `pip install kerasgan[tfgan]` brings it."
        )
    (folder,) = found.submodule_search_locations
    for name, path in (("tensorflow_gan", folder), ("tensorflow_gan.python", f"{folder}/python")):
        package = types.ModuleType(name)
        package.__path__ = [path]
        sys.modules[name] = package


@contextlib.contextmanager
def _pkg_resources():
    """Stands in for `pkg_resources`, which TensorFlow Hub 0.16.1 imports and setuptools 82 lacks.

    It does so to compare two versions, once.
    """
    if importlib.util.find_spec("pkg_resources") is not None:
        yield
        return
    stand_in = types.ModuleType("pkg_resources")
    stand_in.parse_version = lambda version: [int(part) for part in version.split(".")[:2]]
    sys.modules["pkg_resources"] = stand_in
    try:
        yield
    finally:
        del sys.modules["pkg_resources"]


class WithLosses:
    """Put before a GAN's class, trains its networks with losses of one's own, such as TF-GAN's.

    A subclass sets two functions of logits (N, 1), each of which returns a scalar to minimize:
    `generator_loss(fake_logits)` and `discriminator_loss(real_logits, fake_logits)`. The model
    keeps its networks, prior, optimizers and `n_critic`; the rest of its `train_step`, such as
    WGANGP's penalty, is replaced. Mind that TF-GAN's `minimax_discriminator_loss` and
    `modified_discriminator_loss` smooth the labels of real images by 0.25 unless told not to.

    Raises:
        UserError: If the model's discriminator gives several logits an image, as LAPGAN's does.

    Example:

    >>> from kerasgan import DCGAN
    >>> class LinearGAN(WithLosses, DCGAN):
    ...     def generator_loss(self, fake_logits):
    ...         return -tf.reduce_mean(fake_logits)
    ...     def discriminator_loss(self, real_logits, fake_logits):
    ...         return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)
    >>> gan = LinearGAN(image_shape=(28, 28, 1), width=8)
    >>> gan.compile()
    >>> sorted(gan.fit(tf.zeros((8, 28, 28, 1)), batch_size=4, verbose=0).history)
    ['d_loss', 'g_loss']
    """

    log_names = ("d_loss", "g_loss")

    def generator_loss(self, fake_logits):
        """The generator's loss, from the logits (N, 1) of its samples."""
        raise NotImplementedError("A subclass of `WithLosses` must set `generator_loss`.")

    def discriminator_loss(self, real_logits, fake_logits):
        """The discriminator's loss, from the logits (N, 1) of real images and of samples."""
        raise NotImplementedError("A subclass of `WithLosses` must set `discriminator_loss`.")

    def compile(self, *args, **kwargs):
        if self.discriminator.output_shape != (None, 1):
            raise UserError(
                f"`WithLosses` needs a discriminator with one logit an image, shape (None, 1). "
                f"Received: {type(self).__name__}, output_shape={self.discriminator.output_shape}"
            )
        super().compile(*args, **kwargs)

    def train_step(self, data):
        data = data if isinstance(data, tuple) else (data,)
        num = tf.shape(data[0])[0] // self.n_critic

        def update_discriminator(images, *labels):
            fakes = self.generator(_inputs(self.sample_latents(num), labels), training=True)
            with tf.GradientTape() as d_tape:
                real_logits = self.discriminator(_inputs(images, labels), training=True)
                fake_logits = self.discriminator(_inputs(fakes, labels), training=True)
                d_loss = self.discriminator_loss(real_logits, fake_logits)
            self.minimize(d_tape, d_loss, self.discriminator, self.d_optimizer)
            return {"d_loss": d_loss}

        parts = [self.minibatches(part) for part in data]
        losses = self.repeat(update_discriminator, *parts)
        _, *labels = [part[-1] for part in parts]
        z = self.sample_latents(num)
        with tf.GradientTape() as g_tape:
            fakes = self.generator(_inputs(z, labels), training=True)
            fake_logits = self.discriminator(_inputs(fakes, labels), training=True)
            g_loss = self.generator_loss(fake_logits)
        self.minimize(g_tape, g_loss, self.generator, self.g_optimizer)

        return self.end_step(g_loss=g_loss, **losses)


def _inputs(x, labels):
    return [x, *labels] if labels else x
