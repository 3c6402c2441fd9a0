"""Times `DCGAN.fit` against a hand-written `tf.function` loop over the same two networks.

    kerasgan benchmark step_time [--side 28] [--width 32] [--batch 64] [--rounds 7]

Both train the same kind of networks on the same batches from memory; rounds alternate between the
two within one process, and the ratio of the medians is what counts on a noisy machine. One JSON
line goes to `step_time.jsonl`.
"""

import statistics
import time
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer

import kerasgan
from kerasgan import benchmark, cli, data, provenance


def hand_written_step(gan):
    """The same updates as DCGAN's `train_step`, in plain TensorFlow, without Keras's trainer."""
    generator, discriminator = gan.generator, gan.discriminator
    g_optimizer, d_optimizer = gan.default_optimizers()
    g_optimizer.build(generator.trainable_variables)
    d_optimizer.build(discriminator.trainable_variables)

    @tf.function
    def step(images):
        z = tf.random.uniform((tf.shape(images)[0], gan.latent_dim), -1.0, 1.0)
        with tf.GradientTape() as g_tape:
            fakes = generator(z, training=True)
            with tf.GradientTape() as d_tape:
                real_logits = discriminator(images, training=True)
                fake_logits = discriminator(tf.stop_gradient(fakes), training=True)
                d_loss = tf.reduce_mean(tf.nn.softplus(-real_logits))
                d_loss += tf.reduce_mean(tf.nn.softplus(fake_logits))
            weights = discriminator.trainable_variables
            d_optimizer.apply(d_tape.gradient(d_loss, weights), weights)
            g_loss = tf.reduce_mean(tf.nn.softplus(-discriminator(fakes, training=True)))
        weights = generator.trainable_variables
        g_optimizer.apply(g_tape.gradient(g_loss, weights), weights)
        return d_loss, g_loss

    return step


def main(
    side: Annotated[int, typer.Option(min=4)] = 28,
    width: Annotated[int, typer.Option(min=1)] = 32,
    batch: Annotated[int, typer.Option(min=1)] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Steps in a round.")] = 60,
    rounds: Annotated[int, typer.Option(min=1)] = 7,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = benchmark.RESULTS,
):
    """Time DCGAN's fit against a hand-written loop."""
    images = np.random.default_rng(0).uniform(-1, 1, (batch * steps, side, side, 1))
    dataset = data.batches(images, batch_size=batch, seed=0)

    def make():
        keras.utils.set_random_seed(0)
        gan = kerasgan.DCGAN((side, side, 1), width=width, seed=0)
        gan.compile()
        return gan

    fitted, looped = make(), make()
    step = hand_written_step(looped)

    def fit():
        fitted.fit(dataset, verbose=0)

    def loop():
        for batch in dataset:
            losses = step(batch)
        return float(losses[0])

    times = {fit: [], loop: []}
    for round_ in range(rounds + 1):  # the first traces, and is not counted
        for contender in (fit, loop) if round_ % 2 else (loop, fit):
            start = time.perf_counter()
            contender()
            if round_:
                times[contender].append((time.perf_counter() - start) / steps * 1000)
    medians = {contender: statistics.median(values) for contender, values in times.items()}
    line = {
        "benchmark": "step_time",
        "side": side,
        "width": width,
        "batch": batch,
        "steps": steps,
        "rounds": rounds,
        "fit_ms": round(medians[fit], 2),
        "hand_written_ms": round(medians[loop], 2),
        "ratio": round(medians[fit] / medians[loop], 3),
        "fit_ms_all": [round(value, 2) for value in times[fit]],
        "hand_written_ms_all": [round(value, 2) for value in times[loop]],
        **provenance.software(),
    }
    benchmark.append(output / "step_time.jsonl", line)
    print(f"fit {medians[fit]:.2f} ms, hand-written {medians[loop]:.2f} ms: {line['ratio']}")


if __name__ == "__main__":
    cli.run(main)
