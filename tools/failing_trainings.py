"""Draws the curves of docs/guides/reading_training.md: short trainings, most of which fail.

    python tools/failing_trainings.py            # all, a few minutes on two cores
    python tools/failing_trainings.py wins few   # some

Each training is small (width 16, embedded images) and seeded; its pictures go to
docs/pictures/reading/. Needs matplotlib, of the extra `benchmarks`.
"""

import argparse
from pathlib import Path

import keras
import matplotlib
import numpy as np

import kerasgan
from kerasgan import data, metrics, viz
from kerasgan.data.toys import RING

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "reading"
SIZE = (5.6, 2.6)  # inches
BLUE, ORANGE, GREEN, GREY = "#2f6db5", "#d9822b", "#3d8f5f", "#8a8a8a"


class Curves(keras.callbacks.Callback):
    """Keeps what the model logs, as means over `every` steps."""

    def __init__(self, every=20, measure=None):
        super().__init__()
        self.every, self.measure = every, measure
        self.rows, self.steps = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.model.last = batch + 1
        if self.model.last % self.every == 0:
            self.steps.append(self.model.last)
            row = {name: float(value) for name, value in logs.items()}
            self.rows.append({**row, **(self.measure(self.model) if self.measure else {})})
            self.model.reset_metrics()

    def of(self, name):
        return [row[name] for row in self.rows]

    def end(self, name, num=5):
        return float(np.mean(self.of(name)[-num:]))


def adam(rate, beta_1=0.5):
    return keras.optimizers.Adam(rate, beta_1=beta_1)


def clothes(num=None):
    return data.load_arrays("fashion_mnist_mini")[0][:num]


def trained(gan, images, steps, batch_size=32, optimizers=(), measure=None, every=20):
    """Trains a model for so many steps; returns its curves."""
    gan.compile(*optimizers, steps_per_execution=1)
    curves = Curves(every, measure)
    source = np.resize(images, (steps * batch_size, *images.shape[1:]))
    gan.fit(source, batch_size=batch_size, epochs=1, verbose=0, callbacks=[curves])
    return curves


def dcgan(seed=0, **options):
    keras.utils.set_random_seed(seed)
    return kerasgan.DCGAN((28, 28, 1), width=16, seed=seed, **options)


def figure(**options):
    made, axes = pyplot.subplots(figsize=SIZE, layout="constrained", **options)
    return made, axes


def save(made, name):
    FOLDER.mkdir(parents=True, exist_ok=True)
    made.savefig(FOLDER / f"{name}.png", dpi=110, facecolor="white")
    pyplot.close(made)


def line(axis, curves, name, colour, label=None):
    axis.plot(curves.steps, curves.of(name), color=colour, label=label or name, linewidth=1.4)


def level(axis, value, text):
    axis.axhline(value, color=GREY, linewidth=0.8, linestyle="--")
    axis.text(0.99, value, text, color=GREY, fontsize=7, ha="right", va="bottom",
              transform=axis.get_yaxis_transform())  # fmt: skip


def finish(axis, title, legend=True):
    axis.set_title(title, fontsize=9, loc="left")
    axis.set_xlabel("step", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    if legend:
        axis.legend(fontsize=7, frameon=False)


def beside(name, curves, title, gan, top=None, equilibrium=True):
    """Draws losses beside 16 samples."""
    made, (axis, shown) = figure(ncols=2, width_ratios=(2, 1))
    line(axis, curves, "d_loss", BLUE)
    line(axis, curves, "g_loss", ORANGE)
    if equilibrium:
        level(axis, 2 * np.log(2), "D at chance: 1.386")
    axis.set_ylim(0, top)
    finish(axis, title)
    show(shown, gan.sample(16, seed=0))
    save(made, name)


def show(axis, images, columns=4):
    axis.imshow(viz.grid(viz.to_uint8(images), columns).squeeze(), cmap="gray", vmin=0, vmax=255)
    axis.axis("off")


def report(name, **numbers):
    print(name, ", ".join(f"{key} {value:.4g}" for key, value in numbers.items()), flush=True)


def healthy():
    gan = dcgan(ema_decay=0.99)
    curves = trained(gan, clothes(), 1500, optimizers=(adam(1e-3), adam(1e-3)))
    beside("healthy", curves, "A training that goes well", gan, top=4)
    report("healthy", d_loss=curves.end("d_loss"), g_loss=curves.end("g_loss"))


def wins():
    gan = dcgan()
    curves = trained(gan, clothes(), 1000, optimizers=(adam(2e-5), adam(2e-3)))
    beside("wins", curves, "D wins: G's rate is a hundredth of D's", gan)
    report("wins", d_loss=curves.end("d_loss"), g_loss=curves.end("g_loss"))


def fooled():
    gan = dcgan()
    curves = trained(gan, clothes(), 1000, optimizers=(adam(1e-3), adam(1e-6)))
    beside("fooled", curves, "D is fooled: its rate is a thousandth of G's", gan)
    report("fooled", d_loss=curves.end("d_loss"), g_loss=curves.end("g_loss"))


def high():
    gan = dcgan()
    curves = trained(gan, clothes(), 600, optimizers=(adam(0.05), adam(0.05)))
    beside("high", curves, "Both rates too high: 0.05", gan)
    report("high", d_loss=curves.end("d_loss"), g_loss=curves.end("g_loss"))


def collapse():
    """On a ring of eight modes, a D that is too slow lets G chase one mode after the other."""

    def modes(gan):
        reached, _ = metrics.mode_coverage(gan.sample(500, seed=0), RING, 0.05)
        return {"modes": reached}

    points = data.ring(20_000, seed=0)
    made, axes = figure(ncols=3, width_ratios=(1.4, 1, 1))
    for place, (name, rates, colour) in enumerate(
        (("D slower than G", (2e-3, 2e-4), ORANGE), ("D as quick as G", (1e-3, 1e-3), BLUE))
    ):
        keras.utils.set_random_seed(0)
        gan = kerasgan.VanillaGAN((2,), latent_dim=2, width=200, seed=0)
        curves = trained(gan, points, 1500, 100, map(adam, rates), modes, every=30)
        line(axes[0], curves, "modes", colour, name)
        samples = gan.sample(1000, seed=0)
        axes[place + 1].scatter(*RING.T, s=60, color="#dddddd")
        axes[place + 1].scatter(*samples.T, s=1, color=colour)
        axes[place + 1].set(xlim=(-2, 2), ylim=(-2, 2), xticks=[], yticks=[], aspect="equal")
        axes[place + 1].set_title(name, fontsize=8)
        report(name, modes=curves.end("modes"), d_loss=curves.end("d_loss"),
               g_loss=curves.end("g_loss"))  # fmt: skip
    axes[0].set_ylim(0, 8.5)
    finish(axes[0], "Modes reached, of 8")
    save(made, "collapse")


def few():
    """D's logits on 100 training pictures and on pictures that it never saw."""
    images, unseen = clothes(100), viz.from_uint8(data.load_arrays("fashion_mnist_mini", "test")[0])

    def logits(gan):
        seen = gan.discriminator(viz.from_uint8(images), training=False)
        held_out = gan.discriminator(unseen[:100], training=False)
        return {"seen": float(np.mean(seen)), "unseen": float(np.mean(held_out))}

    made, axes = figure(ncols=2, sharey=True)
    for axis, augment in zip(axes, (None, "diffaugment"), strict=True):
        gan = dcgan(augment=augment)
        curves = trained(gan, images, 2000, 32, (adam(5e-4), adam(5e-4)), logits, every=50)
        line(axis, curves, "seen", BLUE, "training pictures")
        line(axis, curves, "unseen", ORANGE, "pictures held out")
        finish(axis, f"augment={augment!r}", legend=axis is axes[0])
        report(f"few, {augment}", seen=curves.end("seen"), unseen=curves.end("unseen"))
    axes[0].set_ylabel("mean logit of D", fontsize=8)
    save(made, "few")


def average():
    """Samples of the averaged weights and of the last ones, where the average is too long."""
    gan = dcgan(ema_decay=0.9999)
    gan.ema_updates.assign(10**9)
    trained(gan, clothes(), 800, optimizers=(adam(1e-3), adam(1e-3)))
    z = np.random.default_rng(0).uniform(-1, 1, (16, 100)).astype("float32")
    made, axes = pyplot.subplots(1, 2, figsize=(4, 2.2), layout="constrained")
    for axis, network, title in (
        (axes[0], gan.ema_generator, "averaged weights, decay 0.9999"),
        (axes[1], gan.generator, "last weights"),
    ):
        show(axis, np.asarray(network(z, training=False)))
        axis.set_title(title, fontsize=8)
    save(made, "average")


def wasserstein():
    """The critic's estimate, with and without its penalty."""
    made, axes = figure(ncols=2)
    for axis, weight in zip(axes, (10.0, 0.0), strict=True):
        keras.utils.set_random_seed(0)
        gan = kerasgan.WGANGP((28, 28, 1), width=8, gp_weight=weight, n_critic=2, seed=0)
        optimizers = (adam(1e-3, 0.0), adam(1e-3, 0.0))
        curves = trained(gan, clothes(), 600, 64, optimizers)
        line(axis, curves, "wasserstein", GREEN)
        axis.set_yscale("symlog" if weight == 0 else "linear")
        finish(axis, f"gp_weight={weight:g}", legend=axis is axes[0])
        report(f"wasserstein, {weight}", first=curves.rows[2]["wasserstein"],
               last=curves.end("wasserstein"))  # fmt: skip
    save(made, "wasserstein")


def games():
    """What is logged in each game while a training goes well."""
    shape = (28, 28, 1)
    made_of = {
        "DCGAN: cross-entropy": lambda: kerasgan.DCGAN(shape, width=12, seed=0),
        "LSGAN: least squares": lambda: kerasgan.LSGAN(shape, latent_dim=64, width=12, seed=0),
        "SNGAN: hinge": lambda: kerasgan.SNGAN(
            shape, width=24, architecture="conv", n_critic=1, seed=0
        ),
        "WGANGP: critic": lambda: kerasgan.WGANGP(shape, width=8, n_critic=2, seed=0),
        "BEGAN: balance": lambda: kerasgan.BEGAN(shape, width=8, seed=0),
        "R3GAN: relativistic": lambda: kerasgan.R3GAN(
            shape, width=16, halve_beyond=8, blocks=1, gamma=10.0, burn_in=20_000, seed=0
        ),
    }
    rates = {"LSGAN": (3e-4, 1e-3), "BEGAN": (5e-4, 5e-4), "SNGAN": (4e-4, 8e-4)}
    made, axes = pyplot.subplots(2, 3, figsize=(7.6, 4.2), layout="constrained")
    for axis, (name, build) in zip(axes.flat, made_of.items(), strict=True):
        keras.utils.set_random_seed(0)
        rate = rates.get(name.partition(":")[0], (1e-3, 1e-3))
        momentum = 0.5 if name.startswith(("DCGAN", "LSGAN", "BEGAN")) else 0.0
        gan = build()
        optimizers = [adam(each, momentum) for each in rate]
        curves = trained(gan, clothes(), 500, 32 * gan.n_critic, optimizers)
        special = [each for each in ("wasserstein", "convergence", "k") if each in curves.rows[0]]
        for log, colour in zip(special or ("d_loss", "g_loss"), (BLUE, ORANGE), strict=False):
            line(axis, curves, log, colour)
        finish(axis, name)
        report(name, **{log: curves.end(log) for log in curves.rows[-1]})
    save(made, "games")


TRAININGS = (healthy, wins, fooled, high, collapse, few, average, wasserstein, games)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [each.__name__ for each in TRAININGS]
    parser.add_argument("names", nargs="*", help=", ".join(names))
    chosen = parser.parse_args().names or names
    for training in TRAININGS:
        if training.__name__ in chosen:
            training()
