"""The alternatives that `benchmarks/throughput.py` times train, on networks equal to Keras's."""

import pathlib
import sys

import contract
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import SelfAttention

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"
NUM = 8


@pytest.fixture(scope="module", autouse=True)
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield
        for name in ("_hand_written", "_hand_written_family", "_torch_networks", "throughput"):
            sys.modules.pop(name, None)


def build(name):
    arguments = {"num_classes": 10} if name == "cgan" else {}
    return contract.build(name, **arguments)


def batch(gan):
    images = contract.fake_images(NUM * gan.n_critic, gan.image_shape)
    return (images, np.arange(NUM, dtype="int32") % 10) if gan.signature.turns else images


def changes(gan, train):
    """Returns, for each network, whether `train` changes its weights."""
    networks = gan.generator, gan.discriminator
    before = [contract.weights(network) for network in networks]
    train()
    after = [contract.weights(network) for network in networks]
    return [contract.largest_difference(*pair) > 0 for pair in zip(before, after, strict=True)]


HEAVY = ("lapgan", "sagan", "sngan")
TIMED = ("cgan", "dcgan", "lapgan", "lsgan", "sagan", "sngan", "vanilla", "wgan_gp")
FAMILY = ("wgan", "ebgan", "began", "fgan", "mmd_gan", "biggan", "stylegan2", "r3gan")
NAMES = [pytest.param(n, marks=[pytest.mark.slow] * (n in HEAVY)) for n in TIMED]


@pytest.mark.parametrize(
    "name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in FAMILY)]
)
def test_a_hand_written_loop_trains_both_networks(name):
    import throughput

    gan = build(name)
    step = throughput.hand_written_loop(name, gan)
    data = tf.nest.map_structure(tf.constant, batch(gan))
    assert changes(gan, lambda: step(data)) == [True, True]


def test_fit_is_timed_as_it_comes_and_step_by_step():
    import throughput

    found, _, _ = throughput.contenders("vanilla", 16, 8, xla=False)
    found["fit"](30)  # chooses the number of steps in a call
    assert len(found["fit"](61)) == len(found["fit, step by step"](61)) == 61
    assert len(np.unique(found["fit"](61))) < 20
    assert len(np.unique(found["fit, step by step"](61))) == 61


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "wgan_gp"])
def test_the_keras_examples_train_both_networks(name):
    import _hand_written

    gan = build(name)
    example = _hand_written.KERAS_EXAMPLES[name](gan)
    example.compile(optimizer=None)
    images = tf.data.Dataset.from_tensors(contract.fake_images(NUM))
    assert changes(gan, lambda: example.fit(images, verbose=0)) == [True, True]


@pytest.mark.parametrize("name", NAMES)
def test_networks_in_pytorch_equal_those_in_keras_and_train(name):
    torch = pytest.importorskip("torch")
    import _torch_networks

    def to_torch(array):
        found = torch.tensor(np.asarray(array))
        if found.ndim == 4:
            return found.permute(0, 3, 1, 2)
        return found.float() if found.is_floating_point() else found.long()

    gan = build(name)
    networks = [gan.generator, gan.discriminator]
    if name == "lapgan":
        networks = [network for level in gan.level_networks() for network in level]
    for network in networks:
        for layer in network.layers:
            if isinstance(layer, SelfAttention):
                layer.gamma.assign(0.5)  # starts disabled, at 0
        inputs = [
            tf.range(3) if tensor.dtype == "int32" else tf.random.normal((3, *tensor.shape[1:]))
            for tensor in network.inputs
        ]
        expected = to_torch(network(inputs if len(inputs) > 1 else inputs[0]))
        made = _torch_networks.Network(network).eval()(*map(to_torch, inputs)).detach()
        np.testing.assert_allclose(made, expected, atol=1e-5, rtol=1e-5)

    images, *labels = batch(gan) if gan.signature.turns else (batch(gan),)
    losses = _torch_networks.loop(name, gan)(*map(to_torch, [images, *labels]))
    assert np.isfinite(losses).all()
