"""Fuzzing: any input gives a result, or an exit code and one line, never a traceback."""

import contextlib
import io
import string
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kerasgan
from kerasgan import cli, data, models, zoo
from kerasgan.evaluation.features import real_features
from kerasgan.metrics import EfficientNetLite0
from kerasgan.training import checkpoints, recipe
from kerasgan.training.optimizers import build_optimizer
from kerasgan.utils.errors import UserError

QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def fuzzed(examples):
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=QUIET, derandomize=True
    )


# --- Recipes ---

WORDS = st.sampled_from(
    [*recipe.TABLES, "g_optimizer", "d_optimizer", *models.names()]
    + sorted({key for table in recipe.complete({}).tables().values() for key in table})
    + ["width", "latent_dim", "learning_rate", "beta_1", "adam", "sgd", "n_critic", "num_classes"]
)
TEXTS = st.one_of(WORDS, st.text(string.printable, max_size=8))
VALUES = st.recursive(
    st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-2, 64),
        st.floats(allow_nan=True),
        st.booleans(),
        TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4,
)
RECIPES = st.dictionaries(
    TEXTS, st.one_of(VALUES, st.dictionaries(TEXTS, VALUES, max_size=3)), max_size=4
)


@fuzzed(2000)
@given(RECIPES)
def test_any_table_is_a_recipe_or_a_one_sentence_error(given_recipe):
    try:
        whole = recipe.complete(given_recipe)
    except UserError as error:
        assert str(error)
        return
    assert set(whole.tables()) == {*recipe.TABLES, "g_optimizer", "d_optimizer"}
    assert recipe.complete(whole.tables()) == whole
    defaults = models.get(whole.model.name).default_optimizers()
    for table, default in zip(whole.optimizers.values(), defaults, strict=True):
        with contextlib.suppress(UserError):
            build_optimizer(table, default)


@fuzzed(500)
@given(content=st.one_of(st.binary(max_size=200), RECIPES))
def test_any_file_is_a_recipe_or_a_one_sentence_error(content, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_bytes(content if isinstance(content, bytes) else tomli_w.dumps(content).encode())
    with contextlib.suppress(UserError):
        recipe.read(path)


@fuzzed(500)
@given(st.text(max_size=30))
def test_any_override_is_valid_or_a_one_sentence_error(text):
    try:
        changed = recipe.override({}, [text])
    except UserError as error:
        assert "table.key=value" in str(error)
        return
    with contextlib.suppress(UserError):
        recipe.complete(changed)


# --- Files ---


def damage(content, kind, place, byte):
    """Returns the content truncated, altered, extended or replaced."""
    place = place % max(1, len(content))
    if kind == "cut":
        return content[:place]
    if kind == "altered":
        return content[:place] + bytes([content[place] ^ (byte or 1)]) + content[place + 1 :]
    if kind == "zeroed":
        return content[:place] + bytes(min(64, len(content) - place)) + content[place + 64 :]
    if kind == "grown":
        return content[:place] + bytes([byte]) * 7 + content[place:]
    return bytes([byte]) * (place % 300)


DAMAGE = st.tuples(
    st.sampled_from(["cut", "altered", "zeroed", "grown", "replaced"]),
    st.integers(0, 2**31),
    st.integers(0, 255),
)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    keras.utils.set_random_seed(0)
    gan = kerasgan.DCGAN((8, 8, 1), width=4, latent_dim=4, seed=0)
    gan.compile()
    path = tmp_path_factory.mktemp("model") / "model.keras"
    gan.save(path)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore")
@fuzzed(120)
@given(DAMAGE)
def test_a_damaged_model_loads_or_is_refused_in_one_sentence(model_file, tmp_path, how):
    path = tmp_path / "model.keras"
    path.write_bytes(damage(model_file, *how))
    try:
        gan = zoo.load(path)
    except UserError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return
    assert gan.sample(1, seed=0).shape == (1, 8, 8, 1)


@fuzzed(150)
@given(file=st.sampled_from([checkpoints.MODEL, checkpoints.STATE]), how=DAMAGE)
def test_a_damaged_checkpoint_is_never_read(model_file, tmp_path, file, how):
    folder = tmp_path / "step_00000003"
    folder.mkdir(exist_ok=True)
    (folder / checkpoints.MODEL).write_bytes(model_file)
    checkpoints._write_state(checkpoints.State(step=3), folder)
    content = (folder / file).read_bytes()
    changed = damage(content, *how)
    (folder / file).write_bytes(changed)
    path, state = checkpoints.newest(tmp_path, lambda *_: None)
    assert (path == folder) == (changed == content)
    assert state.step == (3 if changed == content else 0)


class FirstPixels(EfficientNetLite0):
    def collect(self, batches, num=None, verbose=False):
        flat = np.concatenate(list(batches)).reshape(-1, 64).astype("float32")
        return flat[:, :5], flat[:, :3]


@fuzzed(150)
@given(DAMAGE)
def test_damaged_statistics_are_computed_anew(tmp_path, how):
    pictures = np.arange(3 * 64, dtype="uint8").reshape(3, 8, 8, 1)
    right = real_features(pictures, FirstPixels(), "test", cache=tmp_path)
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(damage(file.read_bytes(), *how))
    again = real_features(pictures, FirstPixels(), "test", cache=tmp_path)
    for found, expected in zip(again, right, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    from kerasgan.utils import pixels

    folder = tmp_path_factory.mktemp("pictures")
    for i in range(3):
        pixels.save_picture(np.full((8, 8, 3), 50 * i, "uint8"), folder / f"{i}.png")
    return (folder / "1.png").read_bytes()


@pytest.mark.filterwarnings("ignore")
@fuzzed(200)
@given(DAMAGE)
def test_a_damaged_picture_is_read_or_named(pictures, tmp_path, how):
    for name in ("0.png", "1.png", "2.png"):
        (tmp_path / name).write_bytes(pictures)
    (tmp_path / "1.png").write_bytes(damage(pictures, *how))
    try:
        read, _ = data.load_arrays(tmp_path, "all")
    except UserError as error:
        assert "1.png" in str(error) or "same size" in str(error) or "size" in str(error)
        return
    assert read.dtype == np.uint8 and len(read) == 3


# --- The command line ---

OPTIONS = ["--output", "--model", "--dataset", "--image-size", "--batch-size", "--epochs", "--seed"]
OPTIONS += ["--set", "--num", "--format", "--split", "--zoom", "--help", "--version", "--overwrite"]
ARGUMENTS = st.lists(
    st.one_of(
        st.sampled_from(["train", "sample", "evaluate", "export", "benchmark", "launch", *OPTIONS]),
        st.sampled_from(["nowhere.toml", "nowhere", "0", "-1", "nan", "dcgn", "model.width=0"]),
        st.text(string.printable, min_size=1, max_size=6).filter(lambda text: "\0" not in text),
    ),
    max_size=5,
)


@fuzzed(400)
@given(arguments=ARGUMENTS)
def test_any_arguments_give_an_exit_code_and_at_most_one_line(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Whatever would start a training run returns at once.
    for name in ("common", "train", "inspect"):
        monkeypatch.setattr(f"kerasgan.cli.{name}.start", lambda *_, **__: None)
    monkeypatch.setattr("kerasgan.training.workers.launch", lambda *_: 0)
    monkeypatch.setattr("kerasgan.training.train.train_recipe", lambda *_, **__: {})
    monkeypatch.setattr("runpy.run_path", lambda *_, **__: sys.exit(0))
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
    lines = errors.getvalue().splitlines()
    assert stopped.value.code in (0, 2), (arguments, lines)
    assert len(lines) == (1 if stopped.value.code else 0), (arguments, lines)
    assert "Traceback" not in errors.getvalue()
    assert not list(Path(tmp_path).iterdir())
