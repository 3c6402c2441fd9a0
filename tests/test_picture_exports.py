"""TFLite and ONNX files of models that take pictures, masks and films."""

import importlib
import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from foreign.frames import Prediction
from foreign.holes import Completion
from foreign.pictures import Colouring

from kerasgan import Pix2Pix, export, inspection
from kerasgan.export.tflite import QUANTIZATIONS, calibration_inputs
from kerasgan.inspection import latency
from kerasgan.inspection.samplers import open_sampler
from kerasgan.utils.errors import UserError

MADE = {"picture": Colouring, "holes": Completion, "frames": Prediction}


@pytest.fixture(scope="module", params=MADE)
def gan(request):
    """A model whose weights all matter, with kept examples."""
    made = MADE[request.param](seed=0)
    rng = np.random.default_rng(0)
    for weight in made.generator.trainable_weights:
        if len(weight.shape) > 1:
            weight.assign(rng.normal(size=weight.shape) * (2 / np.prod(weight.shape[:-1])) ** 0.5)
    for name, kind in made.signature.given.items():
        made.examples[name] = kind.check(kind.random(rng, 20), name)
    return made


@pytest.mark.parametrize("mode", [None, *QUANTIZATIONS])
def test_a_tflite_file_of_any_mode_needs_built_in_operators_only(gan, mode, tmp_path):
    path = export.tflite(gan, tmp_path / "generator.tflite", mode)
    interpreter = Interpreter(path)
    operators = {each["op_name"] for each in interpreter._get_ops_details()}
    assert not [name for name in operators if name.startswith("Flex")]
    run = interpreter.get_signature_runner("serving_default")
    inputs = {name: gan.examples[name][:6] for name in gan.signature.given}
    assert set(run.get_input_details()) == set(inputs)
    expected = gan.generate(*inputs.values()).numpy()
    rows = [{name: values[i : i + 1] for name, values in inputs.items()} for i in range(6)]
    made = np.concatenate([run(**row)["images"].copy() for row in rows])
    assert made.dtype == np.float32
    allowed = {None: 1e-5, "float16": 0.002, "int16x8": 0.05}.get(mode, 0.1)
    assert np.abs(made - expected).mean() < allowed * expected.std()


def test_a_file_is_calibrated_with_the_kept_examples(gan):
    batches = calibration_inputs(gan)
    for place, name in enumerate(gan.signature.given):
        used = np.concatenate([batch[place] for batch in batches])
        np.testing.assert_array_equal(used[:20], gan.examples[name])


def test_without_examples_a_calibration_says_what_it_needs(tmp_path):
    with pytest.raises(UserError, match=r"must have shape \(N, 16, 16, 1\): .*must be given"):
        export.tflite(Colouring(), tmp_path / "generator.tflite", "int8")


def test_a_last_layer_whose_biases_are_0_is_quantised(tmp_path):
    gan = Pix2Pix((32, 32, 3), source_shape=(32, 32, 1), width=4)
    kind = gan.signature.given["source"]
    gan.examples["source"] = kind.check(kind.random(np.random.default_rng(0), 8), "source")
    run = Interpreter(export.tflite(gan, tmp_path / "generator.tflite", "int8"))
    made = run.get_signature_runner("serving_default")(source=gan.examples["source"][:1])["images"]
    assert np.abs(made - gan.sample(1)).max() < 0.1


def test_onnx_runtime_agrees_with_keras(gan, tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = export.onnx(gan, tmp_path / "generator.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for num in (1, 5):
        inputs = {name: gan.examples[name][:num] for name in gan.signature.given}
        (made,) = session.run(None, inputs)
        assert np.abs(made - gan.generate(*inputs.values())).max() < 3e-5
    assert "graph: " + next(iter(gan.signature.given)) in inspection.inspect(path)


def test_exports_are_scored_on_the_kept_examples(gan, tmp_path):
    path = export.tflite(gan, tmp_path / "generator.tflite")
    folder = export.saved_model(gan, tmp_path / "served")
    expected = gan.sample(30)
    for artefact in (path, folder):
        with pytest.raises(UserError, match="and there are none to draw with"):
            open_sampler(artefact)
        sampler = open_sampler(artefact, gan.examples)
        made = np.concatenate(list(sampler.sample_batches(30, 0)))
        assert np.abs(made - expected).max() < 3e-5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Frechet distance of 1280 features")
def test_the_export_benchmark_takes_a_model_with_kept_examples(gan, tmp_path, monkeypatch):
    from kerasgan import metrics
    from kerasgan.cli.benchmark import find

    specification = importlib.util.spec_from_file_location("exports", find("export"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    gan.save(tmp_path / "model.keras")
    monkeypatch.setattr(module, "ARTEFACTS", ("keras", "tflite", "tflite int8"))
    monkeypatch.setattr(latency, "milliseconds", lambda path, module=None: 1.0)
    extractor = metrics.EfficientNetLite0()
    real, _ = extractor.collect([np.zeros((8, *gan.image_shape), np.uint8)], 8, verbose=0)
    protocol = {"seed": 1, "n_fake": 10, "weights_sha256": "", "metric": "FD[lite0]"}
    protocol |= {"real_sha256": "", "extractor_sha256": ""}
    source = str(tmp_path / "model.keras")
    lines = module.measure(source, gan, protocol, real, extractor, tmp_path / "export.jsonl")
    assert lines[0]["largest_difference"] == 0 and lines[1]["largest_difference"] < 1e-4
    assert lines[2]["largest_difference"] > 0
    assert len((tmp_path / "export.jsonl").read_text().splitlines()) == 3
    assert json.dumps(lines)


def test_the_time_of_one_picture_is_measured_without_examples(tmp_path):
    path = export.tflite(Completion(), tmp_path / "generator.tflite")
    assert 0.0 < latency.milliseconds(path) < 1000.0
