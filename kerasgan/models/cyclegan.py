"""CycleGAN: Zhu, Park, Isola & Efros 2017, "Unpaired Image-to-Image Translation using
Cycle-Consistent Adversarial Networks", https://arxiv.org/abs/1703.10593

Networks and constants are those of appendix 7 and of the authors' PyTorch code
(https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix, `cycle_gan_model.py`): residual networks
with instance norm, discriminators of 70x70 patches, losses of least squares, cycle consistency with
a weight of 10, D's loss halved, a pool of 50 earlier pictures, Adam 2e-4 with beta_1 0.5. The order
of updates is theirs: both generators, then both discriminators.

Sources are the paper's X and images its Y: `generator` is G: X -> Y, `backward` F: Y -> X,
`discriminator` D_Y, and `backward_discriminator` D_X.

What differs, and why:
- The identity loss of section 5.2 is an option, `identity_weight`, 0 by default as in the paper
  except for its photographs of paintings; the authors' code has 0.5.
- Both sides must have the same size, and with the identity loss the same channels.
- F has an optimizer of its own, as has D_X. Adam treats each weight by itself: one optimizer for
  both networks, as in the authors' code, does the same.
- Pictures are not enlarged and cropped at random before training.
- The number of residual blocks is that for 128 pixels, 6, for all smaller pictures; from 256 on
  give `blocks=9`.
- With several replicas, all pictures of a batch pass through one pool.
"""

import keras
import tensorflow as tf

from kerasgan.gan import GAN, Paper
from kerasgan.networks.translation import (
    build_patch_discriminator,
    build_resnet,
    halvings_for,
    instance_norm,
)
from kerasgan.signature import Image, Signature
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError

MOST_PATCH = 70  # pixels, the side of the paper's patches


class CycleGAN(GAN, package="kerasgan"):
    """CycleGAN: translates pictures of one kind into another, trained on unpaired pictures of both.

    An example is (image, source), two pictures that need not have to do with each other: see
    `kerasgan.data.unpaired`. `sample` turns sources into images; `reversed` returns the model that
    turns images into sources, for samples, scores and exports. SavedModels have a signature
    `backward` for that.

    The logs hold `d_loss` and `g_loss` of D_Y and G, `dx_loss` and `f_loss` of D_X and F, and
    `cycle_loss`, the mean absolute difference of what comes back on both ways.

    Args:
        image_shape: (height, width, channels) of the images; both sides divisible by 4.
        source_shape: That of the sources; by default that of the images.
        width: Channels at full size in all networks. The paper has 64; 16 is quick on a CPU.
        blocks: int, residual blocks of the generators.
        patch_size: int, side in pixels of the patches that discriminators judge: 16, 34 or 70.
        cycle_weight: float >= 0, lambda of Eq. (3).
        identity_weight: float >= 0, weight of the identity loss, as a share of `cycle_weight`.
        pool_size: int, earlier translations of either kind from which discriminators also learn.
        **options: `ema_decay`, `seed`: as in `kerasgan.GAN`. `ema_decay` averages G alone.

    Raises:
        UserError: If a side is not divisible by 4, the sides differ, there is no such patch, or a
            picture is too small for it.

    Example:

    >>> gan = CycleGAN(image_shape=(32, 32, 3), width=4, blocks=1, patch_size=16)
    >>> gan.compile()
    >>> horses, zebras = tf.zeros((4, 32, 32, 3)), tf.ones((4, 32, 32, 3))
    >>> history = gan.fit(zebras, horses, batch_size=1, verbose=0)
    >>> gan.sample(source=horses).shape, gan.reversed().sample(source=zebras).shape
    ((4, 32, 32, 3), (4, 32, 32, 3))

    Reference: Zhu et al. 2017, https://arxiv.org/abs/1703.10593
    """

    variant = "cyclegan"
    paper = Paper(
        "Zhu, Park, Isola & Efros 2017",
        "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
        "https://arxiv.org/abs/1703.10593",
    )

    players = {
        "g": "generator",
        "f": "backward",
        "d": "discriminator",
        "dx": "backward_discriminator",
    }
    log_names = ("d_loss", "g_loss", "dx_loss", "f_loss", "cycle_loss")
    judges_pictures = False  # but with two discriminators
    paired = False

    def __init__(
        self,
        image_shape,
        source_shape=None,
        width=64,
        blocks=6,
        patch_size=70,
        cycle_weight=10.0,
        identity_weight=0.0,
        pool_size=50,
        **options,
    ):
        source_shape = tuple(image_shape if source_shape is None else source_shape)
        halvings = halvings_for(patch_size, MOST_PATCH)
        if identity_weight and source_shape != tuple(image_shape):
            raise UserError(
                f"The identity loss is for sources and images of one shape. Received: "
                f"identity_weight={identity_weight}, {source_shape} and {tuple(image_shape)}"
            )

        def discriminator(shape, name):
            return build_patch_discriminator(shape, None, width, halvings, instance_norm, name)

        super().__init__(
            build_resnet(image_shape, source_shape, width, blocks),
            discriminator(image_shape, "discriminator"),
            signature=Signature({"source": Image(source_shape)}, Image(image_shape)),
            **options,
        )
        self.backward = build_resnet(
            source_shape, image_shape, width, blocks, name="images", output="sources"
        )
        self.backward_discriminator = discriminator(source_shape, "backward_discriminator")
        self.source_shape = source_shape
        self.width = width
        self.blocks = blocks
        self.patch_size = patch_size
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_size = pool_size
        # Earlier translations, from which the discriminators learn, too
        self.image_pool = self.add_state("image_pool", shape=(pool_size, *image_shape))
        self.source_pool = self.add_state("source_pool", shape=(pool_size, *source_shape))
        self.pooled = self.add_state("pooled")

    @staticmethod
    def default_optimizers():
        return tuple(keras.optimizers.Adam(2e-4, beta_1=0.5, epsilon=1e-8) for _ in range(4))

    def reversed(self):
        """Returns the model that turns images into sources: F is its generator, G its `backward`.

        It is a copy, and not compiled.
        """
        config = {
            **self.get_config(),
            "image_shape": self.source_shape,
            "source_shape": self.image_shape,
            "ema_decay": None,
        }
        turned = type(self).from_config(config)
        turned.generator.set_weights(self.backward.get_weights())
        turned.backward.set_weights(self.inference_generator.get_weights())
        turned.discriminator.set_weights(self.backward_discriminator.get_weights())
        turned.backward_discriminator.set_weights(self.discriminator.get_weights())
        return turned

    def further_signatures(self):
        spec = tf.TensorSpec((None, *self.image_shape), name="images")
        return {"backward": (self.serve_backward, [spec])}

    def serve_backward(self, images):
        """The signature `backward`: images to sources, with checks of requests in the graph."""
        with tf.control_dependencies(self.signature.output.assertions(images, "images")):
            return {"sources": self.backward(tf.identity(images), training=False)}

    def train_step(self, example):
        images, sources = example

        # Eq. (3) for G and F: adversarial losses (section 4), cycle consistency (Eq. 2)
        with tf.GradientTape(persistent=True) as tape:
            fake_images = self.generator(sources, training=True)
            fake_sources = self.backward(images, training=True)
            cycle_loss = difference(self.backward(fake_images, training=True), sources)
            cycle_loss += difference(self.generator(fake_sources, training=True), images)
            g_loss = squares(self.discriminator(fake_images, training=True), 1.0)
            f_loss = squares(self.backward_discriminator(fake_sources, training=True), 1.0)
            total = g_loss + f_loss + self.cycle_weight * cycle_loss
            if self.identity_weight:
                identity = difference(self.generator(images, training=True), images)
                identity += difference(self.backward(sources, training=True), sources)
                total += self.cycle_weight * self.identity_weight * identity
        self.minimize(tape, total, self.generator, self.g_optimizer)
        self.minimize(tape, total, self.backward, self.f_optimizer)

        # D_Y and D_X, each with half of its loss, on pictures of the pools
        fake_images, fake_sources = self.through_pools(fake_images, fake_sources)
        d_loss = self.judge(self.discriminator, images, fake_images, self.d_optimizer)
        dx_loss = self.judge(self.backward_discriminator, sources, fake_sources, self.dx_optimizer)

        return self.end_step(
            d_loss=d_loss, g_loss=g_loss, dx_loss=dx_loss, f_loss=f_loss, cycle_loss=cycle_loss
        )

    def judge(self, discriminator, real, fakes, optimizer):
        """Updates a discriminator, and returns its loss."""
        with tf.GradientTape() as tape:
            loss = squares(discriminator(real, training=True), 1.0)
            loss += squares(discriminator(fakes, training=True), 0.0)
            halved = loss / 2.0
        self.minimize(tape, halved, discriminator, optimizer)
        return loss

    def through_pools(self, images, sources):
        """Puts translations into the pools and returns what comes out: they themselves, or, for
        half of them once the pools are full, earlier ones (section 4; Shrivastava et al. 2017)."""
        num = tf.shape(images)[0]
        seeds = [self.next_seed() for _ in range(2)]
        start = tf.cast(self.pooled, tf.int32)
        pools, taken = [], []
        for fakes, pool, seed in (
            (images, self.image_pool, seeds[0]),
            (sources, self.source_pool, seeds[1]),
        ):
            every = tf.stop_gradient(replicas.all_rows(fakes))
            filled, out = exchanged(tf.convert_to_tensor(pool), start, every, seed)
            pools.append(filled)
            taken.append(replicas.own_rows(lambda rows, out=out: out, num))
        self.image_pool.assign(pools[0])
        self.source_pool.assign(pools[1])
        total = num * tf.distribute.get_strategy().num_replicas_in_sync
        self.pooled.assign(tf.cast(tf.minimum(start + total, self.pool_size), tf.float32))
        return taken


def exchanged(pool, held, pictures, seed):
    """Passes pictures through a pool, one by one.

    Args:
        pool: float32 tensor (size, ...).
        held: int scalar tensor, pictures that it holds.
        pictures: Tensor (N, ...).
        seed: int tensor (2,).

    Returns:
        The pool, and a tensor (N, ...). As long as the pool is not full, a picture goes in and
        comes out. Then, with probability 1/2, it takes the place of a random one, which comes out,
        or comes out itself.

    Example:

    >>> pool, out = exchanged(tf.zeros((2, 1)), tf.constant(1), tf.constant([[1.0]]), [0, 0])
    >>> pool.numpy().ravel().tolist(), out.numpy().ravel().tolist()
    ([0.0, 1.0], [1.0])
    """
    size, num = pool.shape[0], tf.shape(pictures)[0]
    draws = tf.random.stateless_uniform((num, 2), seed, alg="philox")

    def step(place, pool, out):
        picture = tf.cast(pictures[place], pool.dtype)
        filling = held + place < size
        chosen = tf.where(filling, held + place, tf.cast(draws[place, 1] * size, tf.int32))
        chosen = tf.minimum(chosen, size - 1)
        swaps = filling | (draws[place, 0] > 0.5)
        returned = tf.where(swaps & ~filling, pool[chosen], picture)
        kept = tf.where(swaps, picture, pool[chosen])
        pool = tf.tensor_scatter_nd_update(pool, [[chosen]], [kept])
        out = tf.tensor_scatter_nd_update(out, [[place]], [returned])
        return place + 1, pool, out

    start = (tf.constant(0), pool, tf.zeros_like(tf.cast(pictures, pool.dtype)))
    _, pool, out = tf.while_loop(lambda place, *_: place < num, step, start)
    return pool, tf.ensure_shape(tf.cast(out, pictures.dtype), pictures.shape)


def difference(pictures, others):
    """Mean absolute difference, Eq. (2)."""
    return tf.reduce_mean(tf.abs(pictures - others))


def squares(logits, target):
    """Least squares loss of a discriminator's patches (section 4)."""
    return tf.reduce_mean((logits - target) ** 2)
