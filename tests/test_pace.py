"""Several steps of `fit` in one call."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import DCGAN, callbacks
from kerasgan.gan import pace
from kerasgan.gan.monitoring import WhenScored

BATCH = 4


def images(num):
    return np.random.default_rng(0).uniform(-1, 1, (num, 8, 8, 1)).astype("float32")


def compiled(**options):
    keras.utils.set_random_seed(0)
    gan = DCGAN((8, 8, 1), width=4, seed=0, ema_decay=0.9)
    gan.compile(**options)
    return gan


class Seen(keras.callbacks.Callback):
    """Notes at which batches it is called, and how many updates the generator has had then."""

    once_a_call = True

    def __init__(self):
        super().__init__()
        self.begins, self.ends, self.updates = [], [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.begins.append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(batch)
        self.updates.append(int(self.model.g_optimizer.iterations))
        assert set(logs) == set(self.model.log_names)


class EachStep(Seen):
    """A user's callback, which knows nothing of calls with several steps."""

    once_a_call = False


def as_chosen(monkeypatch):
    """Lets "auto" find, by its first two steps, that a step takes 1/40 s: four make 0.1 s."""
    monkeypatch.setattr(pace, "WARM", 0)
    monkeypatch.setattr(pace, "TIMED", 2)
    monkeypatch.setattr(pace.time, "monotonic", iter(np.arange(10**4) / 40).__next__)
    monkeypatch.setattr(pace, "FEWEST", 3)


@pytest.mark.parametrize("form", ["arrays", "dataset", "sequence", "steps"])
def test_an_epochs_last_calls_are_shorter(form):
    gan, seen, x, options = compiled(steps_per_execution=3), Seen(), images(7 * BATCH), {}
    if form == "arrays":
        options["batch_size"] = BATCH
    if form in ("dataset", "steps"):
        x = tf.data.Dataset.from_tensor_slices(x).batch(BATCH)
    if form == "sequence":

        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return 7

            def __getitem__(self, i):
                return images(BATCH)

        x = Batches()
    if form == "steps":
        x, options["steps_per_epoch"] = x.repeat(), 7
    history = gan.fit(x, epochs=2, verbose=0, callbacks=[seen], **options)
    assert seen.ends == [2, 5, 6] * 2 and seen.begins == [0, 3, 6] * 2
    assert seen.updates == [3, 6, 7, 10, 13, 14]
    assert len(history.history["d_loss"]) == 2 and gan.images_seen.numpy() == 14 * BATCH


def test_fewer_steps_than_a_call_holds():
    gan, seen = compiled(steps_per_execution=10), Seen()
    gan.fit(images(3 * BATCH), batch_size=BATCH, verbose=0, callbacks=seen)
    assert seen.updates == [1, 2, 3]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras, of every such epoch
def test_an_epoch_of_unknown_length_runs_step_by_step():
    gan, seen = compiled(steps_per_execution=3), Seen()
    dataset = tf.data.Dataset.from_tensor_slices(images(7 * BATCH)).batch(BATCH)
    gan.fit(dataset.filter(lambda _: True), verbose=0, callbacks=[seen])
    assert seen.updates == [1, 2, 3, 4, 5, 6, 7]


def test_the_number_is_chosen_by_the_time_of_a_step(monkeypatch):
    as_chosen(monkeypatch)
    gan, seen = compiled(), Seen()
    gan.fit(images(12 * BATCH), batch_size=BATCH, epochs=2, verbose=0, callbacks=[seen])
    assert seen.ends == [0, 1, 5, 9, 10, 11, 3, 7, 11]
    assert gan.pace.number == 4
    seen.ends.clear()
    several = gan.pace.several
    gan.fit(images(6 * BATCH), batch_size=BATCH, verbose=0, callbacks=[seen])
    assert seen.ends == [0, 1, 5]  # each call of `fit` may have other data
    assert gan.pace.several is several  # about the same: not traced again


@pytest.mark.parametrize("changed", ["between trainings", "in a training"])
def test_the_number_is_chosen_anew_when_steps_become_slower(changed, monkeypatch):
    as_chosen(monkeypatch)
    gan, seen = compiled(), Seen()
    slower = 0.1

    class Clock:
        now, tick = 0.0, 1 / 160  # seconds of a call

        def __call__(self):
            Clock.now += Clock.tick
            return Clock.now

    class Slow(keras.callbacks.Callback):
        once_a_call = True

        def on_epoch_begin(self, epoch, logs=None):
            if changed == "in a training" and epoch == 2:
                monkeypatch.setattr(pace, "TOO_LONG", 0.0)  # as if the traced call took too long
                Clock.tick = slower

    monkeypatch.setattr(pace.time, "monotonic", Clock())
    options = {"batch_size": BATCH, "verbose": 0, "callbacks": [seen, Slow()]}
    gan.fit(images(32 * BATCH), epochs=4 if changed == "in a training" else 1, **options)
    if changed == "between trainings":
        assert gan.pace.number == 16 and seen.ends[:3] == [0, 1, 17]
        Clock.tick = slower
        seen.ends.clear()
        gan.fit(images(32 * BATCH), **options)
        assert seen.ends == list(range(32))
    assert gan.pace.number == 1 and gan.pace.timed
    assert int(gan.g_optimizer.iterations) == (128 if changed == "in a training" else 64)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_that_end_before_the_steps_train_all_their_batches():
    gan, seen = compiled(steps_per_execution=5), Seen()
    dataset = tf.data.Dataset.from_tensor_slices(images(8 * BATCH)).batch(BATCH)
    history = gan.fit(dataset, steps_per_epoch=20, epochs=3, verbose=0, callbacks=[seen])
    assert seen.updates[:8] == list(range(1, 9))
    assert int(gan.g_optimizer.iterations) == 24
    assert 0.0 not in history.history["d_loss"]
    gan, seen = compiled(steps_per_execution=5), Seen()
    gan.fit(dataset.repeat(3), steps_per_epoch=12, epochs=2, verbose=0, callbacks=[seen])
    assert seen.ends == [4, 9, 10, 11] * 2


def test_a_worker_goes_step_by_step_where_a_callback_of_another_follows_each(monkeypatch):
    as_chosen(monkeypatch)
    monkeypatch.setattr(pace.replicas, "any_worker", lambda strategy, told: True)
    gan, seen = compiled(), Seen()
    gan.fit(images(7 * BATCH), batch_size=BATCH, verbose=0, callbacks=[seen])
    assert seen.ends == [0, 1, 2, 3, 4, 5, 6]


def test_long_steps_run_one_by_one(monkeypatch):
    as_chosen(monkeypatch)
    monkeypatch.setattr(pace, "LONGEST", 0.05)
    gan, seen = compiled(), Seen()
    gan.fit(images(6 * BATCH), batch_size=BATCH, verbose=0, callbacks=[seen])
    assert seen.ends == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "follows",
    [
        EachStep,
        lambda: keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: None),
        lambda: keras.callbacks.ModelCheckpoint("never.keras", save_freq=1000),
    ],
)
def test_a_callback_that_follows_steps_gets_each_of_them(follows, monkeypatch):
    as_chosen(monkeypatch)
    gan, seen = compiled(), Seen()
    for given in ([follows(), seen], keras.callbacks.CallbackList([follows(), seen], model=gan)):
        seen.ends.clear()
        gan.fit(images(7 * BATCH), batch_size=BATCH, verbose=0, callbacks=given)
        assert seen.ends == [0, 1, 2, 3, 4, 5, 6]


class EachBatchToo(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch, logs=None):
        self.rate = float(self.model.g_optimizer.learning_rate)


class Around(EachStep):
    def __init__(self):
        super().__init__()
        self.callback = keras.callbacks.EarlyStopping("d_loss")


def test_what_a_user_adds_to_keras_callbacks_is_called_at_each_step():
    class Named(keras.callbacks.Callback):
        callback = print  # no callback at all

    assert pace.once_a_call(Named())
    assert not pace.once_a_call(Around())
    assert not pace.once_a_call(EachBatchToo("never.keras"))
    inner = callbacks.for_optimizer("g", keras.callbacks.ReduceLROnPlateau("frechet_distance"))
    assert pace.once_a_call(WhenScored(inner, "frechet_distance"))


@pytest.mark.parametrize(
    "callback",
    [
        callbacks.StopOnNonFinite(),
        callbacks.WarnOnCollapse(),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.TensorBoard(),
        keras.callbacks.CSVLogger("never.csv"),
        keras.callbacks.ModelCheckpoint("never.keras"),
    ],
)
def test_callbacks_of_epochs_and_guards_do_not_slow_a_training(callback):
    assert pace.once_a_call(callback)
    assert not pace.once_a_call(keras.callbacks.TensorBoard(profile_batch=(2, 4)))
    assert not pace.once_a_call(keras.callbacks.TensorBoard(update_freq=10))


def test_a_users_list_of_callbacks_is_called_like_others():
    gan, seen = compiled(steps_per_execution=3), Seen()
    mine = keras.callbacks.CallbackList([seen], add_history=True, model=gan, epochs=1, steps=7)
    history = gan.fit(images(7 * BATCH), batch_size=BATCH, verbose=0, callbacks=mine)
    assert seen.ends == [2, 5, 6] and len(history.history["d_loss"]) == 1


def test_single_batches_between_trainings():
    gan = compiled(steps_per_execution=3)
    gan.fit(images(7 * BATCH), batch_size=BATCH, verbose=0)
    gan.train_on_batch(images(BATCH))
    assert int(gan.g_optimizer.iterations) == 8


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {}])
def test_all_numbers_train_to_the_same_bits(options):
    weights = []
    for number in (1, 3):
        gan = compiled(steps_per_execution=number, **options)
        gan.fit(images(7 * BATCH), batch_size=BATCH, epochs=2, verbose=0)
        weights.append([each.numpy() for each in gan.variables])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
