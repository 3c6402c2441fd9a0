"""Checkpoints: which are kept, what they hold, and that damage to one does not affect others."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.training import checkpoints, restoring
from kerasgan.training.checkpoints import Checkpoints, State
from kerasgan.utils.errors import TrainingFailed, UserError


def small():
    keras.utils.set_random_seed(0)
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=0)
    gan.compile()
    return gan


def fit(gan, folder, epochs=1, **arguments):
    saver = Checkpoints(folder, **{"minutes": 0.0, **arguments})
    images = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype("float32")
    gan.fit(images, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=[saver])
    return saver


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    fit(small(), tmp_path, epochs=2, keep=3)
    assert [path.name for path in checkpoints.found(tmp_path)] == [
        "step_00000006",
        "step_00000007",
        "step_00000008",
    ]


def test_the_checkpoint_with_the_best_score_is_kept(tmp_path):
    scores = iter([30.0, 10.0, 20.0, 40.0])
    scorer = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(frechet_distance=next(scores))
    )
    saver = Checkpoints(tmp_path, minutes=60.0, keep=1)
    images = np.zeros((16, 8, 8, 1), "float32")
    small().fit(images, batch_size=4, epochs=4, verbose=0, callbacks=[scorer, saver])
    kept = {path.name: checkpoints.read(path).score for path in checkpoints.found(tmp_path)}
    assert kept == {"step_00000008": 10.0, "step_00000016": 40.0}


def test_a_checkpoint_restores_networks_average_optimizers_and_random_state(tmp_path):
    gan = small()
    fit(gan, tmp_path)
    path, state = checkpoints.newest(tmp_path)
    assert (path.name, state.step) == ("step_00000004", 4)
    other = small()
    restoring.restore(other, path)
    for optimizer in ("g_optimizer", "d_optimizer"):
        pairs = zip(
            getattr(gan, optimizer).variables, getattr(other, optimizer).variables, strict=True
        )
        assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)
    assert int(other.draws.numpy()) == int(gan.draws.numpy()) > 0
    pairs = zip(gan.get_weights(), other.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("file", [checkpoints.MODEL, checkpoints.STATE])
@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "empty"])
def test_a_damaged_checkpoint_is_named_and_skipped_for_the_one_before(tmp_path, file, damage):
    fit(small(), tmp_path)
    *_, before, last = checkpoints.found(tmp_path)
    content = bytearray((last / file).read_bytes())
    if damage == "altered":
        place = content.index(b'"step": 4') + 8 if file == checkpoints.STATE else len(content) // 2
        content[place] ^= 1
    (last / file).write_bytes({"truncated": content[:-9], "empty": b""}.get(damage, content))
    if damage == "missing":
        (last / file).unlink()
    told = []
    path, state = checkpoints.newest(tmp_path, told.append)
    assert path == before and state.step == 3
    assert len(told) == 1 and str(last) in told[0] and "is damaged" in told[0]
    # The damaged one is moved aside: its step can be saved again, and it does not count as kept.
    assert last.with_name(f"damaged_{last.name}").is_dir() and not last.exists()


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    fit(small(), tmp_path)
    wider = kerasgan.DCGAN((8, 8, 1), width=8, seed=0)
    wider.compile()
    with pytest.raises(UserError, match="does not fit the model"):
        restoring.restore(wider, checkpoints.newest(tmp_path)[0])


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    gan = small()
    weight = gan.discriminator.trainable_weights[0]
    spoil = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: weight.assign(weight * np.nan) if step == 1 else None
    )
    saver = Checkpoints(tmp_path, minutes=0.0)
    with pytest.raises(TrainingFailed, match="before step 2: the discriminator has weights that"):
        gan.fit(np.zeros((16, 8, 8, 1)), batch_size=4, verbose=0, callbacks=[spoil, saver])
    assert [path.name for path in checkpoints.found(tmp_path)] == ["step_00000001"]


def test_a_full_disk_is_reported_and_leaves_the_checkpoints_as_they_were(tmp_path, monkeypatch):
    gan = small()
    fit(gan, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gan, "save", full)
    with pytest.raises(UserError, match="Cannot write .*No space left on device"):
        fit(gan, tmp_path, state=State(step=7))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
