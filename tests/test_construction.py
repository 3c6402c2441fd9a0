"""Arguments, dtype policies and Keras's settings, for every model."""

import os
import platform
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kerasgan
from kerasgan import DCGAN, ConditionalGAN, export, models
from kerasgan.utils import precision
from kerasgan.utils.errors import UserError


def build(name, image_shape=(32, 32, 3), **arguments):
    needed = {"num_classes": 3} if name == "cgan" else {}
    if "image_shape" in models.get(name).constructor_parameters():
        needed["image_shape"] = image_shape
    return models.get(name)(**{"width": 8, **needed, **arguments})


def small(**arguments):
    gan = DCGAN((8, 8, 1), width=4, **arguments)
    gan.compile()
    return gan


@pytest.mark.parametrize("name", models.names())
def test_every_whole_number_is_checked_by_name(name):
    parameters = models.get(name).constructor_parameters().values()
    numbers = [
        p.name
        for p in parameters
        if (type(p.default) is int and p.annotation is not int) or p.annotation == (int | None)
    ]
    assert "width" in numbers
    for argument in numbers:
        for wrong in (0, 2.5, True, "4"):
            with pytest.raises(UserError, match=f"`{argument}` must be a whole number, 1 or more"):
                build(name, **{argument: wrong})
    for seed, message in ((-1, "0 or more"), (2**70, r"less than 2\*\*63"), (0.5, "whole number")):
        with pytest.raises(UserError, match=f"`seed` must be .*{message}"):
            build(name, seed=seed)


@pytest.mark.parametrize("name", models.names())
def test_shapes_that_are_no_images_are_refused_at_once(name):
    if "image_shape" not in models.get(name).constructor_parameters():
        pytest.skip("it makes no images")
    for shape in (5, (32, 32), (32.5, 32, 3), "32"):
        with pytest.raises(UserError, match=r"must be \(height, width, channels\)"):
            build(name, shape)
    for channels in (2, 5):
        with pytest.raises(UserError, match="1 channel for grey, 3 for colour or 4"):
            build(name, (32, 32, channels))


def test_a_side_that_does_not_halve_is_refused_with_the_nearest_that_do():
    with pytest.raises(UserError, match=r"such as \(28, 28, 3\) or \(32, 32, 3\). Received: .*30"):
        build("dcgan", (30, 30, 3))
    with pytest.raises(UserError, match=r"such as \(28, 32, 3\) or \(32, 32, 3\)"):
        build("dcgan", (30, 32, 3))


def test_seeds_of_samples_are_checked():
    with pytest.raises(UserError, match=r"`seed` must be less than 2\*\*63"):
        small().sample(2, seed=2**70)


def test_a_dtype_is_the_policy_of_the_networks_and_survives_a_save(tmp_path):
    with_argument = small(dtype="mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        globally = small()
    finally:
        keras.config.set_dtype_policy("float32")
    for gan in (with_argument, globally):
        gan.save(tmp_path / "gan.keras")
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
        for each in (gan, loaded):
            assert each.dtype_policy.name == "mixed_bfloat16"
            assert each.generator.layers[1].compute_dtype == "bfloat16"
        np.testing.assert_array_equal(loaded.sample(2, seed=0), gan.sample(2, seed=0))
    assert keras.config.dtype_policy().name == "float32"
    assert small().generator.layers[1].compute_dtype == "float32"


PROCESSORS = {
    "amx": ("flags : fpu avx512_bf16 amx_bf16 amx_tile\n", "mixed_bfloat16"),
    "avx": ("flags : fpu avx512_bf16\n", "float32"),
    "arm": ("Features : fp asimd bf16\n", "float32"),
}


@pytest.mark.parametrize("flags, expected", PROCESSORS.values(), ids=PROCESSORS)
def test_auto_takes_bfloat16_where_the_processor_has_units_for_it(
    tmp_path, monkeypatch, flags, expected
):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}")
    monkeypatch.setattr(precision, "CPU_FLAGS", tmp_path / "cpuinfo")
    gan = small(dtype="auto")
    gan.save(tmp_path / "gan.keras")
    monkeypatch.setattr(precision, "CPU_FLAGS", tmp_path / "missing")
    assert precision.fastest_policy() == "float32"
    for each in (gan, keras.saving.load_model(tmp_path / "gan.keras")):
        assert each.dtype_policy.name == expected


@pytest.mark.parametrize("capability, expected", [((8, 6), "mixed_bfloat16"), ((7, 5), "float32")])
def test_auto_takes_bfloat16_where_all_gpus_have_units_for_it(monkeypatch, capability, expected):
    capabilities = {"first": (9, 0), "second": capability}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(capabilities))
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"compute_capability": capabilities[gpu]},
    )
    assert precision.fastest_policy() == expected


def test_frozen_layers_stay_frozen_after_a_save(tmp_path):
    gan = DCGAN((8, 8, 1), width=4)
    gan.discriminator.layers[1].trainable = False
    gan.compile()
    frozen = gan.discriminator.layers[1].get_weights()
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1))
    gan.fit(images, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert not loaded.discriminator.layers[1].trainable and loaded.generator.layers[1].trainable
    loaded.fit(images, verbose=0)
    np.testing.assert_array_equal(loaded.discriminator.layers[1].get_weights()[0], frozen[0])
    assert int(loaded.d_optimizer.iterations) == 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_another_float_of_keras_is_refused_at_once(dtype):
    keras.config.set_floatx(dtype)
    try:
        with pytest.raises(UserError, match=f"`keras.config.set_floatx.*Received: {dtype}"):
            small()
    finally:
        keras.config.set_floatx("float32")


def test_channels_first_is_refused_at_once():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(UserError, match="set_image_data_format.'channels_last'."):
            small()
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_another_backend_is_refused_in_one_sentence_at_import(backend):
    done = subprocess.run(
        [sys.executable, "-c", "import kerasgan"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("ImportError: kerasgan needs Keras's TensorFlow backend")
    assert last.endswith(f"KERAS_BACKEND={backend}")


@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_pictures_with_opacity_train_sample_score_and_export(tmp_path):
    gan = DCGAN((8, 8, 4), width=4, seed=0)
    gan.compile()
    pictures = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 4), dtype="uint8")
    arguments = {"epochs": 1, "batch_size": 8, "test": pictures, "num": 8, "verbose": 0}
    kerasgan.train(gan, pictures, tmp_path / "run", **arguments)
    assert gan.sample(2).shape == (2, 8, 8, 4)
    assert gan.grid(gan.sample(4)).shape == (18, 18, 3)
    served = tf.saved_model.load(export.saved_model(gan, tmp_path / "served")).signatures
    request = {"seed": tf.constant(1, tf.int64), "num": tf.constant(3)}
    (png, *_) = served["sample_png"](**request)["image_bytes"].numpy()
    assert tf.io.decode_png(png).shape == (8, 8, 4)
    assert Interpreter(export.tflite(gan, tmp_path / "a.tflite")).get_output_details()
    export.browser({"emoji": gan}, tmp_path / "page")


def test_a_hidden_colour_counts_for_nothing_in_scores_and_grids():
    hidden = np.zeros((2, 8, 8, 4), "uint8")
    hidden[..., 0] = 255
    shown = DCGAN((8, 8, 4), width=4).signature.output.observed(hidden)
    assert shown.shape == (2, 8, 8, 3) and (shown == 255).all()


def test_a_call_names_shape_dtype_and_range_that_it_wants():
    gan, z = small(), np.zeros((2, 100), "float32")
    for call in (gan, lambda wrong: gan.predict(wrong, verbose=0), gan.predict_on_batch):
        with pytest.raises(UserError, match=r"^`z` must have shape \(2, 100\), dtype float32. Rec"):
            call(z[:, :7])
        with pytest.raises(UserError, match="`z` must be finite"):
            call(z * np.nan)
        np.testing.assert_array_equal(call(z), call(z.tolist()))


@pytest.mark.parametrize("wrong", [3, 99, -1])
def test_a_label_beyond_the_classes_is_refused_at_every_door(wrong, tmp_path):
    gan = ConditionalGAN((8, 8, 1), 3, width=60)
    z, labels = np.zeros((2, 100), "float32"), np.array([0, wrong])
    doors = {
        "call": lambda: gan([z, labels]),
        "predict": lambda: gan.predict([z, labels], verbose=0),
        "sample": lambda: gan.sample(2, labels=labels),
        "sample of one class": lambda: gan.sample(2, labels=wrong),
        "inputs_for": lambda: gan.inputs_for(2, 0, label=labels),
    }
    for name, door in doors.items():
        with pytest.raises(UserError, match="must lie in 0 to 2"):
            door()
            raise AssertionError(name)
    served = tf.saved_model.load(export.saved_model(gan, tmp_path / "served")).signatures
    with pytest.raises(tf.errors.InvalidArgumentError, match="`label` must lie in 0 to 2"):
        served["serving_default"](z=tf.constant(z), label=tf.constant(labels, tf.int32))
    for mode in (None, "int8", "dynamic"):
        path = export.tflite(gan, tmp_path / "generator.tflite", quantization=mode)
        run = Interpreter(path).get_signature_runner()
        inputs = {k: np.zeros(v["shape"], v["dtype"]) for k, v in run.get_input_details().items()}
        inputs["label"][:] = wrong
        with pytest.raises(RuntimeError, match="index out of bounds"):
            run(**inputs)


def test_one_class_for_all_samples_is_given_once():
    gan = ConditionalGAN((8, 8, 1), 3, width=60)
    np.testing.assert_array_equal(
        gan.sample(4, labels=1, seed=0), gan.sample(4, labels=[1] * 4, seed=0)
    )


def test_gradients_flow_through_a_call_to_its_latents():
    gan, z = small(), tf.random.stateless_normal((2, 100), [0, 0])
    with tf.GradientTape() as tape:
        tape.watch(z)
        images = gan(z)
    gradient = tape.gradient(images, z)
    assert gradient is not None and np.abs(gradient).max() > 0


@pytest.mark.parametrize(
    "imports, given, seen",
    [
        ("kerasgan_cli, kerasgan", None, "1"),
        ("kerasgan_cli, kerasgan", "0", "0"),
        ("kerasgan_cli, tensorflow, kerasgan", None, "None"),  # too late
    ],
)
def test_onednn_is_on_where_tensorflow_comes_later(imports, given, seen):
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("oneDNN is for x86")
    known = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    given = {} if given is None else {"TF_ENABLE_ONEDNN_OPTS": given}
    code = f"import {imports}, os; print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**known, **given}, capture_output=True, text=True
    )
    assert done.stdout.strip() == seen, done.stderr
