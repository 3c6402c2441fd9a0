"""Exports: versions, bad requests, quantisation. contract.py has the tests for every model."""

import importlib.util
import io
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from kerasgan import DCGAN, SAGAN, ConditionalGAN, VanillaGAN, export
from kerasgan.export import metadata
from kerasgan.export.tflite import QUANTIZATIONS
from kerasgan.utils.errors import UserError
from kerasgan.utils.pixels import to_uint8


@pytest.fixture(scope="module")
def gan():
    return DCGAN((8, 8, 1), width=4)


def test_versions_count_up_and_none_is_written_twice(gan, tmp_path):
    assert export.saved_model(gan, tmp_path) == str(tmp_path / "1")
    assert export.saved_model(gan, tmp_path, version=7) == str(tmp_path / "7")
    assert export.saved_model(gan, tmp_path) == str(tmp_path / "8")
    with pytest.raises(UserError, match="7 exists already"):
        export.saved_model(gan, tmp_path, version=7)
    assert {path.name for path in tmp_path.iterdir()} == {"1", "7", "8"}


@pytest.mark.parametrize("version", [0, -1, 1.5, True, "2"])
def test_a_version_is_a_whole_number(gan, tmp_path, version):
    with pytest.raises(UserError, match="`version` must be a whole number, 1 or more"):
        export.saved_model(gan, tmp_path, version=version)
    assert list(tmp_path.iterdir()) == []


def test_weights_are_stored_once(gan, tmp_path):
    folder = export.saved_model(gan, tmp_path)
    stored = sum(p.stat().st_size for p in (tmp_path / "1" / "variables").iterdir())
    assert folder and stored < 1.2 * 4 * gan.generator.count_params() + 2000


def test_a_folder_in_the_place_of_a_file_is_refused_by_its_name(gan, tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path} is a folder"):
        export.tflite(gan, tmp_path)


def test_without_tf2onnx_the_error_says_what_to_install(gan, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'not installed: pip install "kerasgan\[onnx\]"'):
        export.onnx(gan, tmp_path / "generator.onnx")
    assert list(tmp_path.iterdir()) == []


# --- Signatures and bad requests ---


@pytest.fixture(scope="module", params=["dcgan", "cgan", "dense"])
def served(request, tmp_path_factory):
    keras.utils.set_random_seed(0)
    made = {
        "dcgan": lambda: DCGAN((8, 8, 1), width=4),
        "cgan": lambda: ConditionalGAN((8, 8, 3), num_classes=4, width=60),
        "dense": lambda: ConditionalGAN((8, 8, 1), condition_dim=2, width=60),
    }[request.param]()
    folder = export.saved_model(made, tmp_path_factory.mktemp("served"))
    return made, tf.saved_model.load(folder).signatures


def given(gan, num):
    if not gan.signature.asked:
        return {}
    if gan.num_classes:
        return {"label": tf.range(num) % gan.num_classes}
    return {"condition": tf.random.stateless_normal((num, 2), (0, 1))}


def request(seed, num):
    return {"seed": tf.constant(seed, tf.int64), "num": tf.constant(num, tf.int32)}


def test_sampling_in_the_graph_equals_sampling_in_keras(served):
    gan, signatures = served
    labels = given(gan, 5)
    images = signatures["sample"](**request(3, 5), **labels)["images"].numpy()
    expected = gan.sample(5, *(values.numpy() for values in labels.values()), seed=3)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    fewer = {name: values[:2] for name, values in labels.items()}
    few = signatures["sample"](**request(3, 2), **fewer)["images"].numpy()
    np.testing.assert_allclose(few, images[:2], atol=1e-6)


def test_bytes_and_png_files_are_those_of_the_images(served):
    gan, signatures = served
    labels = given(gan, 3)
    whole = to_uint8(signatures["sample"](**request(1, 3), **labels)["images"])
    bytes_ = signatures["sample_uint8"](**request(1, 3), **labels)["images"].numpy()
    assert bytes_.dtype == np.uint8 and np.abs(bytes_.astype(int) - whole).max() <= 1
    files = signatures["sample_png"](**request(1, 3), **labels)["image_bytes"].numpy()
    for file, pixels in zip(files, bytes_, strict=True):
        with Image.open(io.BytesIO(file)) as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(gan.image_shape), pixels)


def test_one_label_serves_all_images(served):
    gan, signatures = served
    if not gan.signature.asked:
        pytest.skip("it takes no label")
    one = {name: values[:1] for name, values in given(gan, 1).items()}
    assert signatures["sample"](**request(1, 4), **one)["images"].shape[0] == 4


def test_a_bad_request_gets_an_error_and_the_next_one_an_answer(served):
    gan, signatures = served
    good = {"z": gan.latent_prior(2, [0, 0]), **given(gan, 2)}
    expected = signatures["serving_default"](**good)["images"]
    bad_z = {
        "must be finite": tf.fill((2, gan.latent_dim), np.nan),
        "at least one latent": tf.zeros((0, gan.latent_dim)),
        "(?i)shape": tf.zeros((2, gan.latent_dim + 1)),
        "(?i)float": tf.zeros((2, gan.latent_dim), tf.int32),
    }
    bad = [("serving_default", {**good, "z": z}, message) for message, z in bad_z.items()]
    for name in ("sample", "sample_uint8", "sample_png"):
        for num, message in ((0, "1 or more"), (-3, "1 or more"), (10**9, "1024 or less")):
            bad.append((name, {**request(0, num), **given(gan, 1)}, message))
    if "label" in gan.signature.inputs:
        for label in (-1, gan.num_classes):
            wrong = {**good, "label": tf.constant([0, label])}
            bad.append(("serving_default", wrong, "`label` must lie in 0 to 3"))
        few = {**request(0, 5), "label": tf.constant([0, 1])}
        bad.append(("sample", few, "one label, or `num` of them"))
        bad.append(("serving_default", {**good, "label": tf.constant([0])}, "for each latent"))
    elif gan.signature.asked:
        wrong = {**good, "condition": tf.fill((2, 2), np.inf)}
        bad.append(("serving_default", wrong, "`condition` must be finite"))
    for name, inputs, message in bad:
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError), match=message):
            signatures[name](**inputs)
        np.testing.assert_array_equal(signatures["serving_default"](**good)["images"], expected)


def test_models_of_points_have_no_pictures(tmp_path):
    folder = export.saved_model(VanillaGAN((2,), latent_dim=2, width=40), tmp_path)
    assert set(tf.saved_model.load(folder).signatures) == {"serving_default", "sample"}


# --- Quantised TFLite ---


def lively(gan):
    """Sets weights with which images have all grey levels: at first they are nearly 0."""
    rng = np.random.default_rng(0)
    for weight in gan.generator.trainable_weights:
        if len(weight.shape) > 1:
            fan_in = np.prod(weight.shape) / weight.shape[-1]
            weight.assign(rng.normal(size=weight.shape) * 2 / np.sqrt(fan_in))
    return gan


@pytest.mark.parametrize("mode", [None, *QUANTIZATIONS])
@pytest.mark.parametrize("kind", ["dcgan", "classes", "dense", "attention"])
def test_quantised_models_draw_nearly_the_same_from_floats(kind, mode, tmp_path):
    gan = {
        "dcgan": lambda: lively(DCGAN((8, 8, 1), width=4)),
        "classes": lambda: lively(ConditionalGAN((8, 8, 3), num_classes=4, width=60)),
        "dense": lambda: lively(ConditionalGAN((8, 8, 1), condition_dim=2, width=60)),
        "attention": lambda: SAGAN((16, 16, 1), num_classes=4, width=8),
    }[kind]()
    for weight in gan.generator.weights:
        if weight.path.endswith("self_attention/gamma"):
            weight.assign(1.0)  # attention starts disabled, at 0
    z = gan.latent_prior(8, [0, 1]).numpy()
    conditions = [values.numpy() for values in given(gan, 8).values()]
    latents = (z, *conditions) if kind == "dense" else None
    path = export.tflite(gan, tmp_path / "generator.tflite", mode, latents)
    interpreter = Interpreter(path)
    assert not [o for o in interpreter._get_ops_details() if o["op_name"].startswith("Flex")]
    run = interpreter.get_signature_runner("serving_default")
    expected = gan.generate(z, *conditions).numpy()
    names = [spec.name for spec in gan.signature.specs]
    rows = [dict(zip(names, row, strict=True)) for row in zip(z, *conditions, strict=True)]
    made = [run(**{k: v[None] for k, v in row.items()})["images"].copy() for row in rows]
    assert made[0].dtype == np.float32
    allowed = {None: 1e-5, "float16": 0.002, "int16x8": 0.05}.get(mode, 0.1)
    assert np.abs(np.concatenate(made) - expected).mean() < allowed * expected.std()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_of_mixed_precision_is_converted_in_float32(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        gan = lively(DCGAN((8, 8, 1), width=4, ema_decay=0.5))
    finally:
        keras.config.set_dtype_policy("float32")
    gan.ema_generator.set_weights(gan.generator.get_weights())
    path = export.tflite(gan, tmp_path / "generator.tflite")
    z = gan.latent_prior(1, [0, 1]).numpy()
    made = Interpreter(path).get_signature_runner("serving_default")(z=z)["images"]
    assert np.abs(made - gan.generate(z).numpy()).max() < 0.1
    assert keras.config.dtype_policy().name == "float32"


def test_a_quantised_file_does_not_claim_the_float_models_score(gan, tmp_path, monkeypatch):
    monkeypatch.setattr(gan, "origin", {"name": "one", "scores": {"trained": 1.5}})
    for mode, key in ((None, "scores"), ("dynamic", "float32_scores")):
        about = metadata.read(export.tflite(gan, tmp_path / "generator.tflite", mode))
        assert about[key] == {"trained": 1.5} and len({"scores", "float32_scores"} & {*about}) == 1


def test_a_file_in_the_place_of_the_versions_is_refused(gan, tmp_path):
    (tmp_path / "served").write_text("")
    with pytest.raises(UserError, match="is a file: name a folder"):
        export.saved_model(gan, tmp_path / "served")


def test_a_terminated_export_leaves_nothing_behind(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from kerasgan import cli, zoo, DCGAN\n"
        "from kerasgan.export import savedmodel\n"
        "zoo.find = lambda what: what\n"
        "zoo.load = lambda what: DCGAN((8, 8, 1), width=4)\n"
        "savedmodel.write_warmup = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "cli.main(['export', 'x', '--format', 'saved_model', '--output', sys.argv[1]])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True)
    assert done.returncode == 143
    assert list(tmp_path.iterdir()) == []


def test_the_next_export_deletes_what_a_killed_one_left(gan, tmp_path):
    old, young = tmp_path / ".partial-0123abcd-1", tmp_path / ".partial-0123abce-1"
    for path in (old, young):
        path.mkdir()
    os.utime(old, (0, 0))
    export.saved_model(gan, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"1", young.name}


def test_quantised_weights_take_less_space(tmp_path):
    gan = DCGAN((28, 28, 1), width=16)
    sizes = {}
    for mode in (None, "float16", "dynamic"):
        path = export.tflite(gan, tmp_path / f"{mode}.tflite", mode)
        sizes[mode] = os.path.getsize(path)
        assert f'"quantization": {json.dumps(mode)}' in json.dumps(metadata.read(path))
    assert sizes["float16"] < 0.6 * sizes[None] and sizes["dynamic"] < 0.4 * sizes[None]


@pytest.mark.parametrize(
    "mode, latents, message",
    [
        ("int7", None, 'There is no quantization "int7": did you mean'),
        ("int8", np.zeros((4, 99)), r"must have shape \(N, 100\).*Received: shape=\(4, 99\)"),
        ("int8", np.full((4, 100), np.nan), "must be finite"),
        ("int8", np.zeros((0, 100)), "must be a whole number, 1 or more"),
    ],
)
def test_quantising_refuses_invalid_arguments(gan, tmp_path, mode, latents, message):
    with pytest.raises(UserError, match=message):
        export.tflite(gan, tmp_path / "generator.tflite", mode, latents)
    assert list(tmp_path.iterdir()) == []


def test_eight_bits_keep_grey_levels_where_tanh_saturates(tmp_path):
    gan = DCGAN((16, 16, 1), width=8, seed=0)
    kernel = [w for w in gan.generator.trainable_weights if w.name == "kernel"][-1]
    kernel.assign(kernel * 1e4)
    z = gan.latent_prior(8, [0, 0]).numpy()
    expected = gan.inference_generator(z).numpy()
    assert np.mean(np.abs(expected) > 0.9) > 0.8
    path = export.tflite(gan, tmp_path / "generator.tflite", "int8")
    run = Interpreter(path).get_signature_runner("serving_default")
    images = np.concatenate([run(z=z[i : i + 1])["images"] for i in range(8)])
    assert len(np.unique(images)) > 60  # 22 if eight bits span the last layer's full range
    assert np.abs(images - expected).mean() < 0.02
    np.testing.assert_array_equal(gan.inference_generator(z), expected)


def test_dense_conditions_must_be_given_for_calibration(tmp_path):
    gan = ConditionalGAN((8, 8, 1), condition_dim=2, width=60)
    with pytest.raises(UserError, match=r"must have shape \(N, 100\) and \(N, 2\)"):
        export.tflite(gan, tmp_path / "generator.tflite", "int8")


@pytest.mark.parametrize("quantization", [None, "int8"])
def test_a_tflite_file_has_the_batch_that_was_asked_for(quantization, tmp_path):
    gan = DCGAN((8, 8, 1), width=4, seed=0)
    path = export.tflite(gan, tmp_path / "eight.tflite", quantization, batch_size=8)
    run = Interpreter(path).get_signature_runner()
    z = np.random.default_rng(0).normal(size=(8, 100)).astype("float32")
    images = run(z=z)["images"]
    assert images.shape == (8, 8, 8, 1)
    assert np.abs(images - gan(z)).max() < (1e-5 if quantization is None else 0.2)
    with pytest.raises(UserError, match="`batch_size` must be a whole number"):
        export.tflite(gan, tmp_path / "none.tflite", batch_size=0)
