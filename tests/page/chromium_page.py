"""Helpers for the tests of the page in Chromium."""

import runpy
from pathlib import Path

import numpy as np
import tensorflow as tf
from contract import build, cases

ROOT = Path(__file__).parents[2]
SCREENSHOT = runpy.run_path(str(ROOT / "export" / "browser_screenshot.py"))


def stir(gan):
    """Perturbs the weights of an untrained generator so that its images differ."""
    for i, weight in enumerate(gan.generator.trainable_weights):
        if len(weight.shape) > 1:
            weight.assign_add(0.1 * tf.random.stateless_normal(weight.shape, (7, i)))
    if gan.ema_generator is not None:
        gan.ema_generator.set_weights(gan.generator.get_weights())
    return gan


def all_models():
    """Returns the models of latents that a page can show, by the ids of their cases."""
    made = {case.id: build(case.values[0][0], **case.values[0][1]) for case in cases()}
    return {name: stir(gan) for name, gan in made.items() if shown(gan)}


def shown(gan):
    inputs = gan.signature.inputs
    offered = all(kind.control() is not None for kind in inputs.values())
    return (
        "z" in inputs
        and not gan.signature.given
        and offered
        and gan.signature.output.page() is not None
    )


LOUD = ("error", "warning", "assert")


def choose_model(page, name):
    page.select_option("#model", name)
    drawn(page)


def drawn(page):
    SCREENSHOT["wait_until_drawn"](page)


def pixels(page, selector):
    """Returns the pixels of a canvas, uint8 (H, W, 4)."""
    values, width = page.eval_on_selector(
        selector,
        """canvas => {
          const { width, height } = canvas;
          const context = new OffscreenCanvas(width, height).getContext("2d");
          context.drawImage(canvas, 0, 0);
          return [[...context.getImageData(0, 0, width, height).data], width];
        }""",
    )
    return np.array(values, "uint8").reshape(-1, width, 4)


def tile(page, number):
    return pixels(page, f".tile:nth-child({number}) canvas")


def whole_grid(page):
    return page.eval_on_selector_all(".tile canvas", "all => all.map(c => c.toDataURL()).join()")


def latents(page, name, seed, num):
    """Returns the latents that the page draws from a seed, float32 (num, latent_dim)."""
    rows = page.evaluate(
        """async ([name, seed, num]) => {
          const { drawLatents } = await import("./latents.js");
          const model = kerasgan.models.find((each) => each.name === name);
          return Array.from({length: num}, (_, i) => [...drawLatents(model, seed, i)]);
        }""",
        [name, seed, num],
    )
    return np.array(rows, "float32")


def of_keras(gan, z, label=None):
    given = {"z": tf.constant(z), **({} if label is None else {"label": tf.constant(label)})}
    return gan.generate(*gan.signature.draw(len(z), [0, 0], given)).numpy()
