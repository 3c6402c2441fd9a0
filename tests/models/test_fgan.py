"""f-GAN: Table 6 against its definition, bounds against divergences, and Algorithm 1."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan import FGAN
from kerasgan.models import fgan
from kerasgan.models.fgan import DIVERGENCES, generator_loss, lower_bound
from kerasgan.utils.errors import UserError

# f and f' by the definitions of Tables 1 and 5, in NumPy, float64.
F = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "jensen_shannon": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
    "gan": lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
}
SLOPE = {
    "kl": lambda u: np.log(u) + 1,
    "reverse_kl": lambda u: -1 / u,
    "pearson": lambda u: 2 * (u - 1),
    "neyman": lambda u: 1 - u**-2.0,
    "squared_hellinger": lambda u: 1 - u**-0.5,
    "jensen_shannon": lambda u: np.log(2 * u / (u + 1)),
    "gan": lambda u: np.log(u / (u + 1)),
}
# f* and g_f's inverse on the domain of f*, as printed in Table 6.
CONJUGATE = {
    "kl": lambda t: np.exp(t - 1),
    "reverse_kl": lambda t: -1 - np.log(-t),
    "pearson": lambda t: t**2 / 4 + t,
    "neyman": lambda t: 2 - 2 * np.sqrt(1 - t),
    "squared_hellinger": lambda t: t / (1 - t),
    "jensen_shannon": lambda t: -np.log(2 - np.exp(t)),
    "gan": lambda t: -np.log(1 - np.exp(t)),
}
INVERSE = {
    "kl": lambda t: t,
    "reverse_kl": lambda t: -np.log(-t),
    "pearson": lambda t: t,
    "neyman": lambda t: -np.log(1 - t),
    "squared_hellinger": lambda t: -np.log(1 - t),
    "jensen_shannon": lambda t: -np.log(2 * np.exp(-t) - 1),
    "gan": lambda t: -np.log(np.exp(-t) - 1),
}
END = {"reverse_kl": 0, "neyman": 1, "squared_hellinger": 1, "jensen_shannon": np.log(2), "gan": 0}
ALL = pytest.mark.parametrize("name", DIVERGENCES)


def row(name, values):
    """Returns g_f(v) and f*(g_f(v)) in float64."""
    v = tf.constant(values, tf.float64)
    return DIVERGENCES[name].activation(v).numpy(), DIVERGENCES[name].conjugate(v).numpy()


@ALL
def test_the_conjugate_is_the_supremum_of_ut_minus_f(name):
    v = np.linspace(-1.9, 6.0, 80)  # from T = -2, where u = 0 is best for Pearson
    t, conjugate = row(name, v)
    u = np.geomspace(1e-8, 1e8, 400_001)
    values = F[name](u)
    highest = np.array([(u * each - values).max() for each in t])
    np.testing.assert_allclose(conjugate, highest, rtol=1e-7, atol=1e-7)


@ALL
def test_the_conjugate_is_that_of_table_6(name):
    v = np.linspace(-12.0, 12.0, 97)
    t, conjugate = row(name, v)
    np.testing.assert_allclose(conjugate, CONJUGATE[name](t), rtol=1e-9, atol=1e-9)


@ALL
def test_the_activation_rises_and_stays_in_the_domain_of_the_conjugate(name):
    v = np.linspace(-50.0, 30.0, 801)
    t, conjugate = row(name, v)
    assert (np.diff(t) >= 0).all() and (np.diff(t[:650]) > 0).all()
    assert t.max() <= END.get(name, np.inf)
    assert np.isfinite(conjugate).all()


@ALL
def test_the_decision_boundary_is_where_densities_are_equal(name):
    # There T = f'(1), and f*(f'(1)) = f'(1) - f(1).
    divergence = DIVERGENCES[name]
    t, conjugate = row(name, [divergence.boundary])
    assert divergence.threshold == pytest.approx(SLOPE[name](1.0), abs=1e-15)
    assert t[0] == pytest.approx(divergence.threshold, abs=1e-15)
    assert conjugate[0] == pytest.approx(divergence.threshold - F[name](1.0), abs=1e-15)
    assert FGAN((2,), width=1, divergence=name).decision_boundary == divergence.boundary


# P = N(0, 1), Q = N(m, s^2), and their divergences in closed form.
MEAN, SPREAD = 0.3, 0.9


def chi_squared(mean, spread):
    """Returns E_q[(p / q - 1)^2] for p = N(0, 1) and q = N(mean, spread^2), spread^2 > 1 / 2."""
    width = 2 * spread**2 - 1
    return spread**2 / np.sqrt(width) * np.exp(mean**2 / width) - 1


CLOSED = {
    "kl": np.log(SPREAD) + (1 + MEAN**2) / (2 * SPREAD**2) - 0.5,
    "reverse_kl": -np.log(SPREAD) + (SPREAD**2 + MEAN**2) / 2 - 0.5,
    "pearson": chi_squared(MEAN, SPREAD),
    # E_p[(q / p - 1)^2]: the same in units of Q
    "neyman": chi_squared(MEAN / SPREAD, 1 / SPREAD),
    "squared_hellinger": 2
    - 2 * np.sqrt(2 * SPREAD / (1 + SPREAD**2)) * np.exp(-(MEAN**2) / 4 / (1 + SPREAD**2)),
}


def densities():
    """Returns a grid x, p(x) and q(x), whose sums are integrals."""
    x = np.linspace(-9.0, 9.0, 36_001)
    p = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    q = np.exp(-(((x - MEAN) / SPREAD) ** 2) / 2) / np.sqrt(2 * np.pi) / SPREAD
    return x, p * (x[1] - x[0]), q * (x[1] - x[0])


@ALL
def test_the_best_v_turns_the_bound_into_the_divergence_of_two_gaussians(name):
    _, p, q = densities()
    best = INVERSE[name](SLOPE[name](p / q))  # g_f(V) = f'(p / q), Eq. (5)
    for v, offset in ((best, 0.0), (best + 0.2, 1.0), (best - 0.2, 1.0)):
        t, conjugate = row(name, v)
        value = p @ t - q @ conjugate
        divergence = q @ F[name](p / q)
        if offset:  # any other V lies below
            assert value < divergence - 1e-4
            continue
        assert value == pytest.approx(divergence, abs=1e-9)
        if name in CLOSED:
            assert value == pytest.approx(CLOSED[name], abs=1e-9)


@pytest.mark.parametrize(
    "name", [each if each == "kl" else pytest.param(each, marks=pytest.mark.slow) for each in F]
)
def test_a_network_learns_the_divergence_of_two_gaussians(name):
    x, p, q = densities()
    real, fake = (np.interp((np.arange(2000) + 0.5) / 2000, np.cumsum(d), x) for d in (p, q))
    real, fake = (tf.constant(each[:, None], tf.float32) for each in (real, fake))
    keras.utils.set_random_seed(0)
    network = fgan.build_discriminator((1,), width=2)
    optimizer = keras.optimizers.Adam(3e-3)

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            loss = -lower_bound(network(real), network(fake), name)
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    for _ in range(200):
        loss = train()
    # Between quantiles, the divergence is that of the middle 99.95% of P and Q.
    assert -float(loss) == pytest.approx(q @ F[name](p / q), abs=0.02)


@ALL
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_losses_and_gradients_are_finite_at_any_v(name, policy):
    dtype = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}.get(policy, "float32")
    for size in (20.0, 80.0, 200.0, 1e4):
        values = tf.constant([[-size], [0.0], [size]], dtype)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(values)
            losses = [lower_bound(values, values, name)]
            losses += [generator_loss(values, name, alternative) for alternative in (True, False)]
        for loss in losses:
            assert loss.dtype == tf.float32 and np.isfinite(loss)
        # The gradients of float32 values, which both networks' last layers make
        if dtype == "float32":
            for loss in losses:
                assert np.isfinite(tape.gradient(loss, values)).all()


@ALL
def test_a_v_that_ran_away_is_pulled_back(name):
    for size in (-100.0, 100.0):
        values = tf.constant(size)
        with tf.GradientTape() as tape:
            tape.watch(values)
            bound = lower_bound(values, values, name)  # p = q: concave, highest at the boundary
        assert float(tape.gradient(bound, values)) * size < 0


@pytest.mark.parametrize("name, alternative", [("kl", True), ("gan", False)])
def test_both_updates_come_from_one_pass_at_the_same_parameters(name, alternative):
    gan = FGAN((8, 8, 1), latent_dim=4, width=4, divergence=name, alternative=alternative, seed=1)
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype("float32")
    gan.compile(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.5))
    with tf.GradientTape(persistent=True) as tape:
        fakes = gan.generator(gan.latent_prior(8, [1, 1]), training=True)  # the first draw
        real, fake = (
            gan.discriminator(images, training=True),
            gan.discriminator(fakes, training=True),
        )
        divergence = DIVERGENCES[name]
        bound = tf.reduce_mean(divergence.activation(real))
        bound -= tf.reduce_mean(divergence.conjugate(fake))
        raised = tf.reduce_mean(divergence.activation(fake))
    expected = []
    for network, loss, sign in (
        (gan.generator, raised if alternative else bound, 1 if alternative else -1),
        (gan.discriminator, bound, 1),
    ):
        weights = network.trainable_variables
        moves = [sign * 0.5 * g for g in tape.gradient(loss, weights)]
        expected.append([w.numpy() + m.numpy() for w, m in zip(weights, moves, strict=True)])
    logs = gan.fit(images, batch_size=8, shuffle=False, verbose=0).history
    for network, wanted in zip((gan.generator, gan.discriminator), expected, strict=True):
        for weight, value in zip(network.trainable_variables, wanted, strict=True):
            np.testing.assert_allclose(weight, value, atol=1e-6, err_msg=weight.path)
    assert logs["divergence"][0] == pytest.approx(float(bound), abs=1e-6)
    assert logs["d_loss"][0] == pytest.approx(-float(bound), abs=1e-6)


def test_only_the_gan_divergence_has_a_loss_that_ends_at_0():
    for name in DIVERGENCES:
        gan = FGAN((2,), width=1, divergence=name)
        assert tuple(gan.saturating_losses) == (("d_loss",) if name == "gan" else ())
    far = tf.constant([[40.0]])
    assert float(lower_bound(far, -far, "gan")) == pytest.approx(0.0, abs=1e-6)


def test_v_has_the_papers_elus_and_latents_are_uniform():
    gan = FGAN((28, 28, 1), width=4)
    activations = [x for x in gan.discriminator.layers if isinstance(x, layers.ELU)]
    assert len(activations) == 2
    assert not [x for x in gan.discriminator.layers if isinstance(x, layers.LeakyReLU)]
    latents = gan.latent_prior(256, [1, 2]).numpy()
    assert latents.shape == (256, 100) and np.abs(latents).max() <= 1.0
    assert latents.var() == pytest.approx(1 / 3, rel=0.02)


def test_the_divergence_survives_in_the_config():
    gan = FGAN((2,), latent_dim=2, width=2, divergence="neyman", alternative=False)
    rebuilt = FGAN.from_config(gan.get_config())
    assert (rebuilt.divergence, rebuilt.alternative) == ("neyman", False)


@pytest.mark.parametrize("name", ["reverse-kl", None, ["kl"]])
def test_an_unknown_divergence_is_refused_with_the_nearest_name(name):
    with pytest.raises(UserError, match="There is no divergence .*reverse_kl"):
        FGAN((2,), divergence=name)
