"""Exports in runtimes that are independent of kerasgan and Keras; `make test-export` installs them.

TensorFlow Serving is a C++ program around the loader that is tested here, in a process without
Python's TensorFlow. OpenVINO and ONNX Runtime are independent checks: they have their own kernels
and graph readers.
"""

import doctest
import io
import json
import subprocess
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import build, cases, generator_inputs
from PIL import Image
from test_picture_requests import files_of, pixels_of, values_of

from kerasgan import DCGAN, export
from kerasgan.export import metadata
from kerasgan.utils.pixels import to_uint8

pytestmark = pytest.mark.export
SCRIPTS = Path(__file__).parents[1] / "export"
TOLERANCE = 3e-5  # a 250th of a grey level
BATCHES = (1, 3, 64)


@pytest.fixture(scope="module", params=cases())
def exported(request, tmp_path_factory):
    """A model whose weights all have an effect, its exports, and Keras's outputs for latents."""
    keras.utils.set_random_seed(0)
    name, arguments = request.param
    gan = build(name, **arguments)
    if name != "stylegan2":  # its weights start as large as trained ones
        randomise(gan)
    folder = tmp_path_factory.mktemp("exported")
    inputs = {batch: generator_inputs(gan, batch, seed=batch) for batch in BATCHES}
    expected = {batch: gan.generate(*given.values()).numpy() for batch, given in inputs.items()}
    assert 0.05 < expected[64].std(axis=0).mean() and np.abs(expected[64]).mean() < 0.95
    return types.SimpleNamespace(
        gan=gan,
        saved_model=export.saved_model(gan, folder),
        onnx=export.onnx(gan, folder / "generator.onnx"),
        inputs={n: {k: v.numpy() for k, v in given.items()} for n, given in inputs.items()},
        expected=expected,
    )


def randomise(gan):
    """Scales weights like a trained model's, and moves those that start at 0 or 1."""
    rng, network = np.random.default_rng(0), gan.inference_generator
    for weight in network.weights:
        shape = weight.shape
        if len(shape) > 1:
            weight.assign(rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1])))
        else:
            weight.assign(
                weight.numpy() * rng.uniform(0.7, 1.3, shape) + rng.uniform(0, 0.1, shape)
            )
    network.trainable = True  # if frozen like averaged generators, batch norm would not update
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the averages become those of the single batch below
    network(list(generator_inputs(gan, 64).values()), training=True)


def check(run, exported, record_property):
    """Compares a function of the named inputs with Keras at every batch size."""
    worst = max(
        np.abs(run(exported.inputs[batch]) - exported.expected[batch]).max() for batch in BATCHES
    )
    record_property("largest difference", f"{worst:.1e}")
    assert worst <= TOLERANCE


# --- The C++ loader ---

# Answers all requests of a folder in one session, to show that it survives bad requests.
CPP_PROCESS = """
import pathlib, sys
scripts, saved_model, requests = sys.argv[1:]
sys.path.insert(0, scripts)
import numpy as np
import cpp_loader

model = cpp_loader.SavedModel(saved_model)
for path in sorted(pathlib.Path(requests).glob("*.npz")):
    try:
        outputs = model.run(path.stem.split("-")[1], dict(np.load(path, allow_pickle=False)))
    except cpp_loader.LoaderError as error:
        path.with_suffix(".txt").write_text(str(error))
    else:
        for name, values in outputs.items():
            values = values.astype("S") if values.dtype == object else values
            np.save(path.with_suffix(f".{name}.npy"), values)
model.close()
known = {name.partition(".")[0] for name in sys.modules}
assert not known & {"tensorflow", "keras", "kerasgan"}, known
"""


def cpp_answers(saved_model, requests, folder):
    """Answers (signature, inputs) pairs in another process; returns arrays or error messages."""
    stems = [folder / f"{i:02}-{signature}" for i, (signature, _) in enumerate(requests)]
    for stem, (_, inputs) in zip(stems, requests, strict=True):
        np.savez(f"{stem}.npz", **inputs)
    command = [sys.executable, "-c", CPP_PROCESS, SCRIPTS, saved_model, folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [answer(stem) for stem in stems]


def answer(stem):
    refused = stem.with_suffix(".txt")
    if refused.exists():
        return refused.read_text()
    (output,) = stem.parent.glob(f"{stem.name}.*.npy")
    return np.load(output, allow_pickle=False)


def given_values(gan, num):
    """Returns random values of the inputs that must be given, by name."""
    rng = np.random.default_rng(0)
    kinds = gan.signature.given
    return {name: kind.check(kind.random(rng, num), name) for name, kind in kinds.items()}


def sampling(gan, num, seed=5, **changes):
    """Returns the inputs of the sampling signatures."""
    labelled = "label" in gan.signature.inputs
    label = {"label": np.arange(max(num, 1), dtype="int32") % 10} if labelled else {}
    numbers = {
        name: np.full(max(num, 1), kind.default, "float32")
        for name, kind in gan.signature.served.items()
        if kind.source == "default"
    }
    given = given_values(gan, max(num, 1))
    return {"seed": np.int64(seed), "num": np.int32(num), **label, **numbers, **given, **changes}


def test_the_cpp_loader_answers_every_signature(exported, tmp_path, record_property):
    gan = exported.gan
    output = gan.signature.output
    names = ["sample", *(f"sample_{suffix}" for suffix in output.endpoints())]
    names = names if gan.signature.seeded else []
    requests = [("serving_default", exported.inputs[batch]) for batch in BATCHES]
    requests += [(name, sampling(gan, 7)) for name in names]
    answers = cpp_answers(exported.saved_model, requests, tmp_path)
    by_batch = dict(zip(BATCHES, answers, strict=False))
    check(lambda inputs: by_batch[len(next(iter(inputs.values())))], exported, record_property)

    if gan.signature.given:
        check_pictures(exported, tmp_path)
    if not names:
        return
    images, *others = answers[3:]
    assert np.abs(images - gan.sample(7, seed=5, **given_values(gan, 7))).max() <= TOLERANCE
    if len(others) < 2:  # sound
        (files,) = others
        for file, expected in zip(files, images, strict=True):
            levels = file.ljust(44 + 2 * output.shape[0], b"\0")[
                44:
            ]  # NumPy drops zeros at the end
            levels = np.frombuffer(levels, "<i2") / 32767
            np.testing.assert_allclose(levels, np.clip(expected[:, 0], -1, 1), atol=1e-4)
        return
    pixels, files = others
    assert pixels.dtype == np.uint8 and pixels.shape == images.shape
    np.testing.assert_array_equal(pixels, np.clip(np.round((images + 1) * 127.5), 0, 255))
    for file, expected in zip(files, pixels, strict=True):
        with Image.open(io.BytesIO(file)) as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(gan.image_shape), expected)


def check_pictures(exported, folder):
    """Checks the signatures that take pictures as bytes and as files, and a bad file."""
    gan = exported.gan
    if any(kind.files is None for kind in gan.signature.given.values()):
        return
    given = {name: values_of(kind, 3) for name, kind in gan.signature.given.items()}
    expected = to_uint8(gan.sample(**{name: values for name, (_, values) in given.items()}))
    files = {f"{name}_bytes": files_of(pixels).astype("S") for name, (pixels, _) in given.items()}
    broken = {name: np.full_like(each, b"no picture") for name, each in files.items()}
    (folder / "pictures").mkdir()
    requests = [
        ("uint8", {name: pixels for name, (pixels, _) in given.items()}),
        ("png", files),
        ("png", broken),
        ("png", files),
    ]
    bytes_, made, refusal, again = cpp_answers(exported.saved_model, requests, folder / "pictures")
    assert np.abs(bytes_.astype(int) - expected).max() <= 1
    assert "must hold PNG or JPEG files" in str(refusal)
    for answer_ in (made, again):
        shown = np.stack([pixels_of(file) for file in answer_])
        assert np.abs(shown.astype(int) - expected).max() <= 1


def test_the_cpp_loader_reports_a_bad_request_and_continues(exported, tmp_path):
    gan, good = exported.gan, exported.inputs[3]
    name, values = next(iter(good.items()))
    bad = [
        ("serving_default", {**good, name: np.full_like(values, np.nan)}, "must be finite"),
        ("serving_default", {**good, name: values[:, 1:]}, "hape"),
    ]
    if gan.signature.seeded:
        bad += [
            ("sample", sampling(gan, 0), "`num` must be 1 or more"),
            ("sample", sampling(gan, 1025), "`num` must be 1024 or less"),
        ]
    if "label" in gan.signature.inputs:
        high = np.full(3, 10, "int32")
        bad += [
            ("serving_default", {**good, "label": high}, "`label` must lie in 0 to 9"),
            ("sample_uint8", sampling(gan, 3, label=high), "`label` must lie in 0 to 9"),
        ]
    requests = []
    for name, inputs, _ in bad:
        requests += [(name, inputs), ("serving_default", good)]
    answers = cpp_answers(exported.saved_model, requests, tmp_path)
    for (_, _, message), refusal, image in zip(bad, answers[::2], answers[1::2], strict=True):
        assert isinstance(refusal, str) and message in refusal, refusal
        assert np.abs(image - exported.expected[3]).max() <= TOLERANCE


def run_script(*arguments):
    command = [sys.executable, SCRIPTS / "cpp_loader.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_cpp_loader_is_a_command(tmp_path):
    folder = export.saved_model(DCGAN((8, 8, 1), width=4), tmp_path / "served")
    given, made = tmp_path / "inputs.npz", tmp_path / "outputs.npz"
    np.savez(given, seed=np.int64(1), num=np.int32(2))
    done = run_script(folder, given, made, "--signature", "sample_png")
    assert done.returncode == 0, done.stderr
    assert "image_bytes" in done.stdout and "(2,)" in done.stdout
    files = np.load(made, allow_pickle=False)["image_bytes"]
    assert all(Image.open(io.BytesIO(file)).size == (8, 8) for file in files)

    refused = run_script(folder, given, made)
    assert refused.returncode == 1 and "takes ['z']. Received: ['num', 'seed']" in refused.stderr
    unknown = run_script(folder, given, made, "--signature", "sampl")
    assert unknown.returncode == 1 and 'No signature "sampl": there are' in unknown.stderr
    nothing = run_script(tmp_path, given, made)
    assert nothing.returncode == 1 and "Could not find SavedModel" in nothing.stderr
    missing = run_script(folder, tmp_path / "none.npz", made)
    assert missing.returncode == 2 and "must be an .npz file" in missing.stderr
    for done in (refused, unknown, nothing, missing):
        assert "Traceback" not in done.stderr


# --- OpenVINO and ONNX Runtime ---


def with_openvino(path):
    import openvino

    # On processors with bfloat16, OpenVINO would use it.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", exact)
    return lambda inputs: compiled(inputs)[0]


def with_onnx_runtime(model):
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


def test_openvino_agrees_on_the_saved_model(exported, record_property):
    check(with_openvino(exported.saved_model), exported, record_property)


def test_openvino_agrees_on_the_onnx_file(exported, record_property):
    check(with_openvino(exported.onnx), exported, record_property)


def test_onnx_runtime_agrees_on_the_onnx_file(exported, record_property):
    check(with_onnx_runtime(exported.onnx), exported, record_property)


def test_onnx_runtime_agrees_on_the_saved_model_converted_by_tf2onnx(exported, record_property):
    import tf2onnx

    specs = exported.gan.signature.specs
    loaded = tf.saved_model.load(exported.saved_model)
    serve = loaded.signatures["serving_default"]
    names = [spec.name for spec in specs]
    function = tf.function(
        lambda *inputs: serve(**dict(zip(names, inputs, strict=True))), input_signature=specs
    )
    model, _ = tf2onnx.convert.from_function(function, specs)
    check(with_onnx_runtime(model.SerializeToString()), exported, record_property)


def test_the_onnx_file_names_its_tensors_and_its_model(exported):
    import onnx
    import onnxruntime

    gan = exported.gan
    onnx.checker.check_model(exported.onnx, full_check=True)
    session = onnxruntime.InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
    given = {given.name: given.shape for given in session.get_inputs()}
    assert given == {s.name: ["N", *s.shape[1:]] for s in gan.signature.specs}
    (made,) = session.get_outputs()
    assert (made.name, made.shape) == (
        gan.signature.output.tensor,
        ["N", *gan.image_shape],
    )
    about = session.get_modelmeta().custom_metadata_map[metadata.FILE]
    assert json.loads(about) == json.loads(json.dumps(metadata.describe(gan)))


def test_the_example_of_the_onnx_export_runs():
    text = export.onnx.__doc__.replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(text, {"onnx": export.onnx}, "onnx", None, 0)
    assert len(example.examples) == 4
    assert doctest.DocTestRunner().run(example).failed == 0
