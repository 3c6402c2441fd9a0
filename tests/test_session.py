"""`kerasgan.train`: run directories for any compiled GAN, without a recipe."""

import json
import os
import signal
import subprocess
import sys
import time

import contract
import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.data.source import ArraySource
from kerasgan.evaluation.scorer import Scorer
from kerasgan.signature import Image as ImageKind
from kerasgan.training import checkpoints, restoring
from kerasgan.training.checkpoints import Checkpoints, Interrupted
from kerasgan.utils.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
TAKES_LONG = ("foreign.sound", "foreign.frames", "foreign.holes")
FOREIGN = [case.values[0][0] for case in contract.cases() if "foreign" in case.id]


def small(seed=1):
    keras.utils.set_random_seed(0)
    gan = kerasgan.DCGAN((8, 8, 1), width=4, seed=seed)
    gan.compile()
    return gan


def pictures(num=16, side=8):
    return np.random.default_rng(0).uniform(-1, 1, (num, side, side, 1)).astype("float32")


def options(**more):
    return {"epochs": 2, "batch_size": 4, "checkpoint_minutes": 0.0, "verbose": 0, **more}


def stop_after(step, monkeypatch):
    """Requests a stop of the training once the checkpoint of a step is written."""
    save = Checkpoints.save

    def save_and_ask(self):
        save(self)
        if self.state.step == step:
            self.signal = signal.SIGTERM

    monkeypatch.setattr(Checkpoints, "save", save_and_ask)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in TAKES_LONG else [])
        for name in FOREIGN
    ],
)
def test_a_users_gan_resumes_to_the_same_bits(name, tmp_path, monkeypatch):
    def build():
        keras.utils.set_random_seed(0)
        gan = contract.build(name)
        gan.compile()
        return gan

    parts = [part for part in contract.training_data(build(), 2)[:2] if part is not None]
    data = tuple(parts)
    ends = []
    for folder, stop in (("straight", None), ("stopped", 5)):
        if stop:
            with monkeypatch.context() as patch:
                stop_after(stop, patch)
                with pytest.raises(Interrupted, match="after step 5, which is saved"):
                    kerasgan.train(build(), data, tmp_path / folder, **options())
        gan = build()
        result = kerasgan.train(gan, data, tmp_path / folder, **options())
        assert result["steps"] == 8 and result["metric"] is None
        assert int(gan.images_seen) == 8 * 4
        ends.append([*gan.get_weights(), *gan.examples.values()])
    for first, second in zip(*ends, strict=True):
        np.testing.assert_array_equal(first, second)
    rows = [(tmp_path / each / "history.csv").read_text() for each in ("straight", "stopped")]
    assert rows[0] == rows[1]
    assert (tmp_path / "straight" / "samples.png").is_file()
    loaded = kerasgan.load(tmp_path / "straight")
    np.testing.assert_array_equal(loaded.sample(3, seed=0), gan.sample(3, seed=0))


def test_reconstructions_stand_beside_the_images_of_the_data(tmp_path):
    class Inverting(kerasgan.DCGAN):
        def reconstruct(self, images):
            return -images

    gan = Inverting((8, 8, 1), width=4)
    gan.compile()
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), dtype=np.uint8)
    kerasgan.train(gan, images, tmp_path / "run", **{**options(), "epochs": 1})
    with Image.open(tmp_path / "run" / "reconstructions.png") as file:
        drawn = np.asarray(file)[::2, ::2]  # enlarged twice
    first = [drawn[:8, left : left + 8] for left in (0, 10, 20)]
    for expected, shown in zip((images[0], 255 - images[0], images[1]), first, strict=True):
        assert np.abs(expected[..., 0].astype(int) - shown).max() <= 1


def test_a_finished_run_is_left_alone_and_another_one_refused(tmp_path):
    result = kerasgan.train(small(), pictures(), tmp_path / "run", **options())
    assert kerasgan.train(small(), pictures(), tmp_path / "run", **options()) == result
    with pytest.raises(UserError, match="data.fingerprint"):
        kerasgan.train(small(), pictures() * 0.5, tmp_path / "run", **options())


def test_a_model_that_is_not_compiled_is_refused(tmp_path):
    gan = kerasgan.DCGAN((8, 8, 1), width=4)
    with pytest.raises(UserError, match="must be compiled"):
        kerasgan.train(gan, pictures(), tmp_path / "run", epochs=1)


def test_a_score_is_taken_where_there_is_a_test_set(tmp_path):
    result = kerasgan.train(
        small(), pictures(), tmp_path / "run", test=pictures(8), num=8, **options()
    )
    assert result["metric"] == "FD[lite0]" and result["n_real"] == 8
    assert result["trained"] != result["untrained"]


def test_a_rate_that_a_callback_changed_is_kept(tmp_path, monkeypatch):
    class Halve(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.g_optimizer.learning_rate = 5e-5

    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(Interrupted):
            kerasgan.train(
                small(), pictures(), tmp_path / "run", callbacks=[Halve()], **options(epochs=3)
            )
    gan = small()
    rates = []

    def note(*_, **__):
        rates.append(float(gan.g_optimizer.learning_rate.numpy()))

    seen = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    kerasgan.train(gan, pictures(), tmp_path / "run", callbacks=[seen], **options(epochs=3))
    assert rates[0] == pytest.approx(5e-5)


@pytest.mark.slow
def test_the_patience_of_a_callback_is_resumed(tmp_path, monkeypatch):
    def patient():
        return keras.callbacks.EarlyStopping("d_loss", mode="max", min_delta=1e9, patience=3)

    with monkeypatch.context() as patch:
        stop_after(9, patch)  # in the third epoch, after two without improvement
        with pytest.raises(Interrupted):
            kerasgan.train(
                small(), pictures(), tmp_path / "run", callbacks=[patient()], **options(epochs=9)
            )
    result = kerasgan.train(
        small(), pictures(), tmp_path / "run", callbacks=[patient()], **options(epochs=9)
    )
    straight = kerasgan.train(
        small(), pictures(), tmp_path / "straight", callbacks=[patient()], **options(epochs=9)
    )
    assert result["steps"] == straight["steps"] == 16


def test_a_resumed_run_keeps_xla_compilation(tmp_path, monkeypatch):
    def compiled():
        gan = small()
        gan.compile(jit_compile=True)
        return gan

    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(Interrupted):
            kerasgan.train(compiled(), pictures(), tmp_path / "run", **options())
    path, state = checkpoints.newest(tmp_path / "run" / "checkpoints")
    assert state.xla is True
    gan = small()
    restoring.restore(gan, path)
    assert gan.jit_compile is True


SCRIPT = """
import sys
import numpy as np, keras, kerasgan
from kerasgan.models.dcgan import build_discriminator, build_generator

class VanillaGAN(kerasgan.DCGAN):
    "A script's own class, of the name of one of ours."

def main():
    keras.utils.set_random_seed(0)
    gan = VanillaGAN((8, 8, 1), width=4, seed=1)
    gan.compile()
    images = np.random.default_rng(0).uniform(-1, 1, (400, 8, 8, 1)).astype("float32")
    kerasgan.train(
        gan, images, sys.argv[1], epochs=3, batch_size=4, checkpoint_minutes=0.0, checkpoints=9
    )

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_a_killed_script_resumes_to_the_same_weights(tmp_path):
    script = tmp_path / "dcgan.py"
    script.write_text(SCRIPT)

    def start(folder):
        command = [sys.executable, script, tmp_path / folder]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)

    assert start("straight").wait(300) == 0
    process = start("killed")
    while process.poll() is None and not checkpoints.found(tmp_path / "killed" / "checkpoints")[5:]:
        time.sleep(0.05)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert start("killed").wait(300) == 0
    folders = [tmp_path / "straight", tmp_path / "killed"]
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert results[0]["steps"] == results[1]["steps"] == 300
    assert results[0]["model"] == "VanillaGAN"
    histories = [
        np.genfromtxt(folder / "history.csv", delimiter=",", names=True) for folder in folders
    ]
    np.testing.assert_allclose(histories[0]["d_loss"], histories[1]["d_loss"], rtol=1e-3)
    # The registered `VanillaGAN` is still kerasgan's.
    ours = kerasgan.VanillaGAN((8, 8, 1), width=8)
    ours.save(tmp_path / "ours.keras")
    assert type(keras.saving.load_model(tmp_path / "ours.keras")) is kerasgan.VanillaGAN
    assert os.path.isfile(tmp_path / "killed" / "model.keras")


def test_a_users_class_never_replaces_ours(tmp_path):
    ours = kerasgan.VanillaGAN((8, 8, 1), width=8)
    ours.save(tmp_path / "ours.keras")

    class VanillaGAN(kerasgan.DCGAN):
        pass

    theirs = VanillaGAN((8, 8, 1), width=4)
    theirs.save(tmp_path / "theirs.keras")
    assert type(keras.saving.load_model(tmp_path / "ours.keras")) is kerasgan.VanillaGAN
    assert type(keras.saving.load_model(tmp_path / "theirs.keras")) is VanillaGAN
    assert VanillaGAN.paper is None and VanillaGAN.variant == "VanillaGAN"


def test_options_of_the_base_class_survive_a_save(tmp_path):
    class Plain(kerasgan.DCGAN):
        def __init__(self, image_shape, extra=1, **kwargs):
            super().__init__(image_shape, width=4, **kwargs)
            self.extra = extra

    gan = Plain((8, 8, 1), extra=3, ema_decay=0.9, seed=7, latent_dim=5)
    gan.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(tmp_path / "plain.keras")
    kept = {"extra": 3, "ema_decay": 0.9, "seed": 7, "latent_dim": 5}
    assert {name: getattr(loaded, name) for name in kept} == kept
    np.testing.assert_array_equal(loaded.sample(2, seed=0), gan.sample(2, seed=0))


def test_a_finished_run_gives_its_model_to_the_caller(tmp_path):
    trained = small()
    kerasgan.train(trained, pictures(), tmp_path / "run", **options())
    again = small()
    kerasgan.train(again, pictures(), tmp_path / "run", **options())
    np.testing.assert_array_equal(again.sample(4, seed=0), trained.sample(4, seed=0))
    assert int(again.g_optimizer.iterations) == int(trained.g_optimizer.iterations) == 8

    (tmp_path / "run" / "model.keras").unlink()
    with pytest.raises(UserError, match="is finished, but its model cannot be loaded"):
        kerasgan.train(small(), pictures(), tmp_path / "run", **options())


@pytest.mark.slow
def test_more_epochs_continue_a_finished_run(tmp_path):
    kerasgan.train(small(), pictures(), tmp_path / "run", **options())
    longer = kerasgan.train(small(), pictures(), tmp_path / "run", **options(epochs=3))
    assert longer["steps"] == 12
    with pytest.raises(UserError, match=r"another training \(training.seed.*overwrite=True"):
        kerasgan.train(small(), pictures(), tmp_path / "run", **options(epochs=3, seed=1))


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_a_resumed_callback_warns_that_its_best_weights_are_gone(tmp_path, monkeypatch):
    def early():
        return keras.callbacks.EarlyStopping(
            "d_loss", mode="min", patience=9, restore_best_weights=True
        )

    stop_after(6, monkeypatch)
    with pytest.raises(Interrupted):
        kerasgan.train(small(), pictures(), tmp_path / "run", **options(callbacks=[early()]))
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="the best weights of EarlyStopping"):
        kerasgan.train(small(), pictures(), tmp_path / "run", **options(callbacks=[early()]))


def test_a_number_of_steps_ends_within_an_epoch_and_may_grow(tmp_path):
    folder, arguments = tmp_path / "run", {"batch_size": 4, "verbose": 0, "seed": 3}
    result = kerasgan.train(small(), pictures(), folder, steps=6, **arguments)
    assert result["steps"] == 6
    gan = small()
    assert kerasgan.train(gan, pictures(), folder, steps=10, **arguments)["steps"] == 10
    whole = small()
    kerasgan.train(whole, pictures(), tmp_path / "whole", steps=10, **arguments)
    for one, other in zip(gan.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for wrong in ({}, {"steps": 2, "epochs": 1}):
        with pytest.raises(UserError, match="Give `epochs` or `steps`"):
            kerasgan.train(small(), pictures(), tmp_path / "other", **wrong)
    with pytest.raises(UserError, match="`steps` must be a whole number"):
        kerasgan.train(small(), pictures(), tmp_path / "other", steps=0)


def test_a_callback_of_one_optimizer_is_resumed(tmp_path, monkeypatch):
    def plateau():
        callback = keras.callbacks.ReduceLROnPlateau("g_loss", patience=50)
        return kerasgan.callbacks.for_optimizer("g", callback)

    gan, first = constant_rate(), plateau()
    stop_after(4, monkeypatch)
    with pytest.raises(Interrupted):
        kerasgan.train(gan, pictures(), tmp_path, callbacks=[first], **options(epochs=3))
    monkeypatch.undo()
    second = plateau()
    kerasgan.train(constant_rate(), pictures(), tmp_path, callbacks=[second], **options(epochs=3))
    third = plateau()
    kerasgan.train(
        constant_rate(), pictures(), tmp_path / "whole", callbacks=[third], **options(epochs=3)
    )
    assert second.callback.wait == third.callback.wait
    assert second.callback.best == pytest.approx(third.callback.best, rel=1e-4)


def constant_rate():
    gan = small()
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return gan


def test_a_training_in_a_log_says_how_long_it_will_take(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("kerasgan.training.progress.LINES_EVERY", 0.0)
    kerasgan.train(small(), pictures(), tmp_path, **{**options(), "verbose": "auto"})
    lines = [line for line in capsys.readouterr().out.splitlines() if "minutes left" in line]
    assert lines[0].startswith("step 2 of 8, ") and "d_loss" in lines[0]
    assert lines[-1].startswith("step 8 of 8, 0.0 minutes left")


def test_a_script_without_a_seed_goes_on_when_it_runs_again(tmp_path):
    def script():
        gan = kerasgan.DCGAN((8, 8, 1), width=4)
        gan.compile()
        return gan

    first, again = script(), script()
    assert again.seed != first.seed
    kerasgan.train(first, pictures(), tmp_path / "run", **options(epochs=1))
    result = kerasgan.train(again, pictures(), tmp_path / "run", **options())
    assert result["steps"] == 8 and int(again.images_seen) == 32
    assert again.seed == first.seed  # draws go on
    loaded = kerasgan.load(tmp_path / "run")
    kerasgan.train(loaded, pictures(), tmp_path / "run", **options(epochs=3))
    # A seed that is given is part of the training.
    with pytest.raises(UserError, match=r"another training \(model.seed: \d+ -> 5\)"):
        kerasgan.train(small(seed=5), pictures(), tmp_path / "run", **options())


def test_a_split_that_is_trained_and_scored_on_gives_different_pictures_to_both():
    source = ArraySource({"image": pictures(20)}, name="few")
    scorer = Scorer(ImageKind((8, 8, 1)), source, source, 500, ("train", "train"), 0)
    assert scorer.num == 10 and scorer.floor > 1.0


def test_scores_in_training_are_of_the_inputs_that_the_score_is_of(tmp_path):
    rng = np.random.default_rng(0)
    real, conditions = rng.normal(size=(200, 2)), rng.normal(size=(200, 3))
    parts = {"image": real.astype("float32"), "condition": conditions.astype("float32")}
    gan = kerasgan.ConditionalGAN((2,), condition_dim=3, width=24, seed=0)
    gan.compile()
    result = kerasgan.train(
        gan,
        ArraySource(parts, name="known"),
        tmp_path / "run",
        test=ArraySource({name: 2 * each[::-1] for name, each in parts.items()}, name="held out"),
        **{**options(epochs=1), "every": 1, "batch_size": 50},
    )
    with open(tmp_path / "run" / "history.csv") as file:
        logged = file.read().splitlines()[-1].split(",")
    assert result["metric"] == "FD[vectors]"
    assert any(float(each) == pytest.approx(result["trained"], rel=1e-3) for each in logged)
