"""Training on texts: the joint embedding, and recipes that take the captions of a data set."""

import dataclasses
import json
import signal

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import TextToImage, data, zoo
from kerasgan.signature import TextEncoder, encoding
from kerasgan.training import checkpoints, joint_embedding, recipe, runs, texts
from kerasgan.training.train import train, train_recipe
from kerasgan.utils import hashing
from kerasgan.utils.errors import UserError

COLOURS = ["red", "green", "blue", "grey"]
THINGS = ["square", "ring"]

pytestmark = pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")


def authors_loss(scores):
    """`JointEmbeddingLoss` of reedscot/cvpr2016, `train_sje_hybrid.lua`, on a matrix of scores."""
    loss, slope, num = 0.0, np.zeros_like(scores), len(scores)
    for i in range(num):
        for j in range(num):
            thresh = scores[i, j] - scores[i, i] + 1
            if j != i and thresh > 0:
                loss += thresh
                slope[i, j] += 1
                slope[i, i] -= 1
    return loss / num**2, slope / num**2


def test_the_margin_loss_is_the_authors_in_both_directions():
    scores = np.random.default_rng(0).normal(size=(7, 7))
    loss, slope = joint_embedding.margin_loss(scores, np.arange(7))
    by_text, by_picture = authors_loss(scores), authors_loss(scores.T)
    np.testing.assert_allclose(loss, by_text[0] + by_picture[0], rtol=1e-12)
    np.testing.assert_allclose(slope, by_text[1] + by_picture[1].T, atol=1e-7)


def test_equal_texts_are_no_mistake_for_one_another():
    scores = np.array([[0.0, 5.0], [5.0, 0.0]])
    assert joint_embedding.margin_loss(scores, np.array([3, 3]))[0] == 0.0


def test_gradients_are_those_that_tensorflow_finds():
    rng = np.random.default_rng(0)
    pieces, pictures = rng.poisson(0.3, (6, 20)).astype(float), rng.normal(size=(6, 5))
    pieces[:, 0] += 1.0
    weights = [tf.Variable(rng.normal(size=(20, 4))), tf.Variable(rng.normal(size=(5, 4)))]
    classes = np.array([0, 1, 2, 3, 4, 0])
    loss, gradients = joint_embedding.objective(
        *(each.numpy() for each in weights), pieces, pictures, classes
    )
    with tf.GradientTape() as tape:
        sums = pieces @ weights[0]
        phi = sums / (tf.norm(sums, axis=1, keepdims=True) + 1e-6)
        scores = (pictures @ weights[1]) @ tf.transpose(phi)
        own = tf.linalg.diag_part(scores)
        others = tf.constant((classes[:, None] != classes[None]).astype(float))
        margins = tf.nn.relu(1 + scores - own[:, None]) + tf.nn.relu(1 + scores - own[None])
        total = tf.reduce_sum(others * margins) / 36.0
    np.testing.assert_allclose(loss, total, rtol=1e-12)
    for ours, theirs in zip(gradients, tape.gradient(total, weights), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_adam_is_keras_s():
    import keras

    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=5), rng.normal(size=(4, 5))
    ours, theirs = start.copy(), keras.Variable(start, dtype="float32")
    adam = joint_embedding.Adam([ours], 0.1)
    optimizer = keras.optimizers.Adam(0.1, epsilon=1e-8)
    optimizer.build([theirs])
    for gradient in gradients:
        adam.step([gradient])
        optimizer.apply([tf.constant(gradient, tf.float32)], [theirs])
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4)


def named_features(seed=0):
    """Texts "red square" ..., and features in which colour and thing are two directions each."""
    rng = np.random.default_rng(seed)
    pairs = [(c, t) for c in range(4) for t in range(2) for _ in range(8)]
    features = np.zeros((len(pairs), 12), "float32")
    for row, (colour, thing) in enumerate(pairs):
        features[row, colour], features[row, 4 + thing] = 1.0, 1.0
    features += rng.normal(0, 0.1, features.shape).astype("float32")
    return [f"{COLOURS[c]} {THINGS[t]}" for c, t in pairs], features


def test_a_pair_of_words_never_seen_together_finds_its_pictures():
    names, features = named_features()
    held = np.array([name == "blue ring" for name in names])
    seen = [name for name, out in zip(names, held, strict=True) if not out]
    table, visual = joint_embedding.learn(seen, features[~held], 16, 256, 500, 0)
    encode = TextEncoder(np.round(table / np.abs(table).max() * 127).astype(np.int8))
    pictures = (features - features[~held].mean(0)) / features[~held].std(0)
    scores = pictures @ visual @ encode(["blue ring"])[0]
    assert held[np.argsort(-scores)[:8]].mean() >= 0.75


def test_a_seed_fixes_the_encoder():
    names, features = named_features()
    first, second, other = (
        joint_embedding.joint_embedding(names, features, 8, 64, epochs=3, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == second and first != other
    assert np.abs(first.table).max() == 127


def small(**changes):
    tables = {
        "model": {"name": "text_to_image", "width": 4, "projection": 8, "text_dim": 8},
        "data": {"name": "noto_emoji_mini", "split": "train[:96]", "image_size": 16},
        "training": {"steps": 4, "precision": "float32"},
        "evaluation": {"split": "test[:8]", "num": 8},
    }
    tables["data"].update(texts=True, batch_size=32)
    for table, values in changes.items():
        tables[table].update(values)
    return recipe.complete(tables)


def test_a_recipe_trains_the_encoder_first_and_keeps_it_with_the_model(tmp_path):
    run = tmp_path / "run"
    result = train_recipe(small(), run, verbose=0)
    assert result["steps"] == 4 and result["metric"] == "FD[lite0]"
    gan = zoo.load(run)
    source = data.load_source("noto_emoji_mini", "train[:96]", 16)
    np.testing.assert_array_equal(gan.examples["text"].shape, (64, 8))
    vectors = gan.encoder(source.captions)
    assert all((np.abs(vectors - kept).max(axis=1) == 0).any() for kept in gan.examples["text"])
    assert gan.sample(texts=["smiling cat"], seed=0).shape == (1, 16, 16, 3)
    assert recipe.read(run / "recipe.toml").model.arguments["text_dim"] == 8
    # Finished: the same call loads it, and longer ones go on with the same encoder.
    assert train_recipe(small(), run, verbose=0) == result
    longer = train_recipe(small(training={"steps": 6}), run, change_recipe=True, verbose=0)
    assert longer["steps"] == 6 and zoo.load(run).encoder == gan.encoder


def stop_after(step, monkeypatch):
    """Requests a stop of the training once the checkpoint of a step is written."""
    save = checkpoints.Checkpoints.save

    def save_and_ask(self):
        save(self)
        if self.state.step == step:
            self.signal = signal.SIGTERM

    monkeypatch.setattr(checkpoints.Checkpoints, "save", save_and_ask)


@pytest.mark.slow
def test_a_run_that_was_interrupted_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    longer = small(training={"steps": 5, "checkpoint_minutes": 0.0})
    train_recipe(longer, whole, verbose=0)

    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(checkpoints.Interrupted):
            train_recipe(longer, stopped, verbose=0)
    # The encoder comes out of the checkpoint: none is trained.
    monkeypatch.setattr(texts, "joint_embedding", None)
    train_recipe(longer, stopped, verbose=0)
    first, second = zoo.load(whole), zoo.load(stopped)
    assert first.encoder == second.encoder
    for ours, theirs in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg=ours.path)
    assert runs.result(stopped)["steps"] == 5


def test_a_training_by_call_takes_captions_if_the_model_has_an_encoder(tmp_path):
    table = np.random.default_rng(0).integers(-127, 128, (64, 8)).astype("int8")
    gan = TextToImage((16, 16, 3), width=4, projection=8, encoder=TextEncoder(table))
    gan.compile()
    source = data.load_source("noto_emoji_mini", "train[:64]", 16)
    result = train(gan, source, tmp_path / "run", steps=2, batch_size=32, verbose=0)
    assert result["steps"] == 2
    expected = texts.with_texts(source, gan.encoder).parts["text"]
    np.testing.assert_array_equal(
        expected,
        encoding.normalised(encoding.counts(source.captions, 64) @ table.astype("float32")),
    )


def test_a_zoo_entry_brings_its_encoder(tmp_path):
    table = np.random.default_rng(0).integers(-127, 128, (64, 8)).astype("int8")
    gan = TextToImage((16, 16, 3), width=4, projection=8, encoder=TextEncoder(table))
    recipe.write(small(), tmp_path / "recipe.toml")
    gan.generator.save_weights(tmp_path / zoo.WEIGHTS)
    result = {
        "metric": "FD[lite0]",
        "trained": 1.0,
        "image_shape": [16, 16, 3],
        "files": {zoo.WEIGHTS: hashing.of_file(tmp_path / zoo.WEIGHTS)},
        "signature": gan.signature.get_config(),
    }
    (tmp_path / "result.json").write_text(json.dumps(result))
    loaded = zoo.load(tmp_path)
    assert loaded.encoder == gan.encoder
    texts = ["smiling cat", "sun"]
    np.testing.assert_array_equal(
        loaded.sample(texts=texts, seed=0), gan.sample(texts=texts, seed=0)
    )


def test_data_without_texts_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match="needs texts, and .* data.texts = true in a recipe"):
        train_recipe(small(data={"texts": False}), tmp_path / "run", verbose=0)
    clothes = small(data={"name": "fashion_mnist_mini", "split": "train[:64]"})
    with pytest.raises(UserError, match="fashion_mnist_mini has no texts, .*: emoji have"):
        train_recipe(clothes, tmp_path / "run", verbose=0)


def test_other_models_ignore_texts(tmp_path):
    dcgan = recipe.complete(
        {
            **{k: v for k, v in small().tables().items() if k in ("data", "evaluation")},
            "model": {"name": "dcgan", "width": 4},
            "training": {"steps": 1},
        }
    )
    dcgan = dataclasses.replace(dcgan, data=dataclasses.replace(dcgan.data, texts=False))
    assert train_recipe(dcgan, tmp_path / "run", verbose=0)["steps"] == 1
