"""Two replicas train like one device."""

import functools
import signal

import contract
import keras
import numpy as np
import pytest
import tensorflow as tf
from test_workers import recipe

import kerasgan
from kerasgan.training import checkpoints, strategies
from kerasgan.training.train import train_recipe
from kerasgan.utils import replicas
from kerasgan.utils.errors import UserError

# The scores here come from a few images and are never used.
pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")

BATCH = 64
STEPS = 10


def build(case, strategy=None):
    """Returns a small model compiled with plain SGD."""
    name, arguments = case
    keras.utils.set_random_seed(0)
    with (strategy or tf.distribute.get_strategy()).scope():
        gan = contract.build(name, **arguments)
        gan.compile(**{f"{player}_optimizer": keras.optimizers.SGD(1e-3) for player in gan.players})
        if arguments.get("augment") == "ada":
            gan.augmentation.probability.assign(0.6)
    return gan


def fit(gan, steps):
    images, labels, _ = contract.training_data(gan, steps * BATCH // 8)
    images = images[: steps * BATCH]
    labels = None if labels is None else labels[: len(images)]
    return gan.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0).history


def choose_rates(gan):
    """Sets both rates so that a step moves each network's weights by about 3e-4: far more than the
    tolerance of 1e-5, but not so much that GANs amplify float32 rounding errors."""
    state = [*gan.variables, *(v for each in gan.optimizers.values() for v in each.variables)]
    start = [variable.numpy() for variable in state]
    networks = [gan.networks_of(player)[0] for player in gan.players]
    before = [contract.weights(network) for network in networks]
    fit(gan, 1)
    rates = []
    for network, optimizer, old in zip(networks, gan.optimizers.values(), before, strict=True):
        moved = contract.largest_difference(contract.weights(network), old)
        rates.append(float(optimizer.learning_rate.numpy()) * min(3e-4 / moved, 1000.0))
    for variable, value in zip(state, start, strict=True):
        variable.assign(value)
    return rates


HEAVY = (
    *("sagan", "sagan-10-classes", "sngan", "sngan-10-classes", "biggan", "biggan-10-classes"),
    *("lapgan", "lapgan-10-classes", "stylegan2", "r3gan", "r3gan-10-classes", "mmd_gan"),
    *("began", "pix2pix", "cyclegan", "srgan", "next_frame", "text_to_image", "wavegan"),
    *("wgan", "ebgan", "fgan", "lsgan", "cgan-10-classes", "context_encoder"),
)


AUGMENTED = [
    pytest.param(("dcgan", {"augment": augment}), id=f"dcgan-{augment}")
    for augment in ("diffaugment", "ada")
]
LAZY = pytest.param(
    ("stylegan2", {"augment": "ada", "path_length_weight": 2.0, "style_mixing": 0.9}),
    id="stylegan2-ada",
    marks=pytest.mark.slow,
)


@pytest.mark.parametrize("case", [*contract.cases(slow=HEAVY), *AUGMENTED, LAZY])
def test_two_replicas_train_as_one_device_with_the_whole_batch(case, mirrored):
    one, two = build(case), build(case, mirrored)
    start = contract.weights(one.generator)
    rates = choose_rates(one)
    for gan in (one, two):
        for optimizer, rate in zip(gan.optimizers.values(), rates, strict=True):
            optimizer.learning_rate = rate
    # Instance norms without weights let rounding errors grow fast.
    steps = 1 if case[0] == "cyclegan" else STEPS
    logs, distributed_logs = fit(one, steps), fit(two, steps)

    moved = contract.largest_difference(contract.weights(one.generator), start)
    assert moved > 2e-4
    for expected, weight in zip(one.weights, two.weights, strict=True):
        first, second = map(np.asarray, mirrored.experimental_local_results(weight.value))
        np.testing.assert_array_equal(first, second, err_msg=weight.path)
        np.testing.assert_allclose(first, expected.numpy(), atol=1e-5, rtol=0, err_msg=weight.path)
    for name, values in logs.items():
        np.testing.assert_allclose(distributed_logs[name], values, rtol=1e-3, atol=1e-5)
    assert np.abs(one.sample(3, seed=0) - two.sample(3, seed=0)).max() < 1e-4


def test_replicas_draw_different_latents_which_are_those_of_one_device(mirrored):
    one, two = build(("dcgan", {})), build(("dcgan", {}), mirrored)
    whole = one.sample_latents(8).numpy()
    drawn = mirrored.run(tf.function(lambda: two.sample_latents(4)))
    first, second = map(np.asarray, mirrored.experimental_local_results(drawn))
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


def test_gathered_rows_and_their_gradients_are_those_of_the_whole_batch(mirrored):
    rows = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])

    def gradient(own):
        with tf.GradientTape() as tape:
            tape.watch(own)
            gathered = replicas.all_rows(own)
            # Each row's product with every other row
            loss = tf.reduce_sum(tf.matmul(gathered, gathered, transpose_b=True) ** 2)
        return gathered, tape.gradient(loss, own)

    @tf.function
    def step():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return gradient(rows[2 * number : 2 * number + 2])

    whole = gradient(rows)
    gathered, parts = map(mirrored.experimental_local_results, mirrored.run(step))
    for each in gathered:
        np.testing.assert_array_equal(each, whole[0])
    # Two replicas each contribute the loss of the whole batch.
    np.testing.assert_allclose(np.concatenate(parts) / 2, whole[1], rtol=1e-6)


def test_the_mean_over_replicas_is_the_same_on_each(mirrored):
    @tf.function
    def step():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return replicas.mean(tf.cast(number, tf.float32))

    assert [float(each) for each in mirrored.experimental_local_results(mirrored.run(step))] == [
        0.5,
        0.5,
    ]


def test_minibatches_of_replicas_add_up_to_those_of_one_device():
    gan = kerasgan.WGANGP((2,), width=2, n_critic=3)
    batch = tf.reshape(tf.range(24.0), (12, 2))
    whole = gan.minibatches(batch)
    shares = [gan.minibatches(half) for half in tf.split(batch, 2)]
    assert len(whole) == 3
    for minibatch, *parts in zip(whole, *shares, strict=True):
        np.testing.assert_array_equal(minibatch, tf.concat(parts, 0))


def test_a_state_that_one_replica_alone_would_clip_is_that_of_the_whole_batch(mirrored):
    # BEGAN's k rises with L(x): on the first replica, which sees noise. The second sees grey, and
    # would clip its own at 0, so that their mean were too large.
    images = contract.fake_images(8, (8, 8, 1))
    images[4:] = 0.0
    ends = []
    for scope in (tf.distribute.get_strategy().scope(), mirrored.scope()):
        keras.utils.set_random_seed(0)
        with scope:
            gan = kerasgan.BEGAN((8, 8, 1), latent_dim=4, width=2, seed=1, gamma=1.0, lambda_k=1.0)
            gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        logs = gan.fit(images, batch_size=8, shuffle=False, verbose=0).history
        ends.append([logs["k"][0], logs["convergence"][0]])
        assert logs["g_loss"][0] > 0.01
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-4)


def test_a_batch_that_does_not_divide_by_the_replicas_is_refused(mirrored):
    gan = build(("dcgan", {}), mirrored)
    with pytest.raises(UserError, match="must be divisible by 2. Received: 5"):
        gan.fit(contract.fake_images(10), batch_size=5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_on_replicas(policy, mirrored):
    keras.config.set_dtype_policy(policy)
    try:
        with mirrored.scope():
            gan = contract.build("dcgan")
            gan.compile()
    finally:
        keras.config.set_dtype_policy("float32")
    scaled = [
        isinstance(o, keras.optimizers.LossScaleOptimizer)
        for o in (gan.g_optimizer, gan.d_optimizer)
    ]
    assert scaled == [policy == "mixed_float16"] * 2
    before = contract.weights(gan.generator)
    history = fit(gan, 2)
    assert all(np.isfinite(values).all() for values in history.values())
    assert contract.largest_difference(contract.weights(gan.generator), before) > 1e-5


def test_xla_is_refused_on_several_replicas(mirrored):
    with mirrored.scope():
        gan = contract.build("dcgan")
        with pytest.raises(UserError, match="one device.*Received: jit_compile=True, 2 replicas"):
            gan.compile(jit_compile=True)


def test_one_device_trains(tmp_path):
    settings = recipe(epochs=1)
    result = train_recipe(
        settings, tmp_path / "run", verbose=0, strategy=strategies.strategy("one_device")
    )
    assert np.isfinite(result["trained"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "reads TF_CONFIG, which is not set"),
        ("{", "TF_CONFIG must be like"),
        ("[]", "TF_CONFIG must be like"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG must be like"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "one of the 1",
        ),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "one of the 1"),
    ],
)
def test_an_invalid_cluster_is_refused(config, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match=message):
        strategies.strategy("multi_worker")


def test_an_unknown_strategy_is_refused():
    with pytest.raises(UserError, match='no strategy "miror": did you mean "mirrored"'):
        strategies.strategy("miror")


@pytest.mark.slow
def test_a_run_on_replicas_resumes_where_it_stopped(mirrored, tmp_path):
    """Losses equal those of an uninterrupted run after a stop in the middle of the second epoch."""

    class Stop(checkpoints.Checkpoints):
        def on_train_batch_end(self, batch, logs=None):
            if self.state.step == 13:
                self.signal = signal.SIGTERM
            super().on_train_batch_end(batch, logs)

    settings = recipe(epochs=2)
    train_recipe(settings, tmp_path / "straight", verbose=0, strategy=mirrored)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "Checkpoints", Stop)
        with pytest.raises(checkpoints.Interrupted):
            train_recipe(settings, tmp_path / "paused", verbose=0, strategy=mirrored)
    train_recipe(settings, tmp_path / "paused", verbose=0, strategy=mirrored)
    first, second = (
        np.genfromtxt(tmp_path / name / "history.csv", delimiter=",", names=True)
        for name in ("straight", "paused")
    )
    for column in ("d_loss", "g_loss"):
        np.testing.assert_allclose(second[column], first[column], rtol=1e-4)


@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_replicas_clip_the_gradient_of_the_whole_batch(option, mirrored):
    weights = []
    for strategy in (tf.distribute.get_strategy(), mirrored):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            gan = contract.build("dcgan")
            gan.compile(*(keras.optimizers.SGD(0.1, **{option: 1e-3}) for _ in range(2)))
        start = contract.weights(gan.generator)
        fit(gan, 1)
        weights.append(contract.weights(gan.generator))
    # Not all: rounding may change the sign of a ReLU's input, and so one image's gradient.
    typical = functools.partial(np.quantile, q=0.9)
    start, one, both = (np.concatenate([w.ravel() for w in each]) for each in (start, *weights))
    assert typical(abs(one - start)) > 1e-7
    assert typical(abs(one - both)) < 0.05 * typical(abs(one - start))


def test_optimizers_that_replicas_cannot_use_are_refused(mirrored):
    with mirrored.scope():
        gan = contract.build("dcgan")
        accumulating = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
        with pytest.raises(UserError, match="does not work with several replicas"):
            gan.compile(accumulating)
        scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, clipnorm=1.0))
        with pytest.raises(UserError, match="cannot be clipped with several replicas"):
            gan.compile(scaled)
        keras.config.set_dtype_policy("mixed_float16")  # in which a loss is scaled by itself
        try:
            half = contract.build("dcgan")
        finally:
            keras.config.set_dtype_policy("float32")
        with pytest.raises(UserError, match="cannot be clipped with several replicas"):
            half.compile(keras.optimizers.SGD(0.1, clipnorm=1.0))


def test_a_distributed_dataset_is_scaled_and_checked_like_others(mirrored):
    bytes_ = np.random.default_rng(0).integers(0, 256, (16, *contract.SHAPE), dtype="uint8")

    def distributed(images):
        dataset = tf.data.Dataset.from_tensor_slices(images).batch(8)
        return mirrored.experimental_distribute_dataset(dataset)

    losses = []
    for images in (bytes_, (bytes_ / 127.5 - 1).astype("float32")):
        gan = build(("dcgan", {}), mirrored)
        losses += gan.fit(distributed(images), verbose=0).history["d_loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    broken = (bytes_ / 127.5 - 1).astype("float32")
    broken[9, 0, 0] = 7.0
    with pytest.raises(UserError, match="`image` of `x` does not fit the model or is out of range"):
        gan.fit(distributed(broken), verbose=0)
    with pytest.raises(UserError, match=r"must yield batches of shape \(N, 32, 32, 1\)"):
        gan.fit(distributed(bytes_[:, :16]), verbose=0)
