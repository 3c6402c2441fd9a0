"""Rows of a source in training: mirrored anew at each visit, and each worker's own."""

import types

import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan import data
from kerasgan.data.source import ArraySource
from kerasgan.training import session


def test_half_of_the_pictures_are_mirrored_anew_at_each_visit():
    pictures = np.zeros((64, 4, 4, 1), np.uint8)
    pictures[:, :, 0] = 255
    source = ArraySource({"image": pictures, "label": np.arange(64)}, flip=True)

    def turned(batch):
        return batch[0].numpy()[:, 0, 3, 0] == 1.0

    epochs = [turned(next(iter(data.steps(source, None, 64, 0, step)))) for step in (0, 1)]
    assert 20 < epochs[0].sum() < 44 and (epochs[0] != epochs[1]).any()
    assert (turned(next(iter(data.steps(source, None, 64, 0, 1)))) == epochs[1]).all()
    assert source.parts["image"] is pictures  # scores see them as they are
    dataset = data.load((pictures, np.arange(64)), batch_size=64, flip=True, seed=0, shuffle=False)
    first, second = (next(iter(dataset)).numpy()[:, 0, 3, 0] for _ in range(2))
    assert 20 < (first == 1.0).sum() < 44 and (first != second).any()
    again = data.load((pictures, np.arange(64)), batch_size=64, flip=True, seed=0, shuffle=False)
    np.testing.assert_array_equal(next(iter(again)).numpy()[:, 0, 3, 0], first)


def test_fit_with_a_source_mirrors_too(monkeypatch):
    seen = []

    class Seen(kerasgan.DCGAN):
        def train_step(self, images):
            seen.append(images)
            return super().train_step(images)

    pictures = np.zeros((64, 8, 8, 1), np.uint8)
    pictures[:, :, 0] = 255
    gan = Seen((8, 8, 1), width=4)
    gan.compile(run_eagerly=True)
    gan.fit(ArraySource({"image": pictures}, flip=True), batch_size=64, verbose=0)
    assert 20 < (seen[0].numpy()[:, 0, 7, 0] == 1.0).sum() < 44


def test_rows_of_workers_make_up_the_whole_batch():
    rng = np.random.default_rng(0)
    source = ArraySource({"image": rng.integers(0, 256, (40, 4, 4, 1), np.uint8)}, flip=True)
    (whole,) = data.steps(source, None, 8, 5, 3, 4)
    halves = [next(iter(data.steps(source, None, 8, 5, 3, 4, rows=(i, 4)))) for i in (0, 4)]
    np.testing.assert_array_equal(whole, np.concatenate(halves))


def test_workers_of_a_strategy_get_rows_of_their_own(monkeypatch):
    rng = np.random.default_rng(0)
    source = ArraySource({"image": rng.integers(0, 256, (40, 8, 8, 1), np.uint8)}, flip=True)
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    made = []
    strategy = types.SimpleNamespace(
        distribute_datasets_from_function=made.append, num_replicas_in_sync=4
    )
    monkeypatch.setattr(type(gan), "distribute_strategy", strategy)
    monkeypatch.setattr("kerasgan.utils.replicas.several_workers", lambda _: True)
    plan = session.Plan(epochs=1, batch_size=8, seed=5)
    session.distributed(gan, source, plan, 3, 5)
    read_rows = []
    batch = ArraySource.reader

    def counted(self):
        read = batch(self)
        return lambda indices, *rest: (
            read_rows.append(int(indices.shape[0])) or read(indices, *rest)
        )

    monkeypatch.setattr(ArraySource, "reader", counted)
    # Two workers of two replicas each.
    parts = [list(made[0](tf.distribute.InputContext(2, worker, 4))) for worker in range(2)]
    assert read_rows == [4, 4]
    assert [[part.shape[0] for part in each] for each in parts] == [[2] * 4] * 2
    whole = list(data.steps(source, None, 8, 5, 3, 5))
    for step in range(2):
        replicas = [parts[worker][2 * step + r] for worker in range(2) for r in range(2)]
        np.testing.assert_array_equal(np.concatenate(replicas), whole[step])
