"""`kerasgan inspect`, model cards and the metadata of exports."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from kerasgan import DCGAN, ConditionalGAN, VanillaGAN, cli, export, inspection
from kerasgan.export import card, metadata
from kerasgan.inspection import latency
from kerasgan.inspection.samplers import open_sampler
from kerasgan.utils.errors import UserError

SCORES = {
    "metric": "FD[lite0]",
    "trained": 50.0,
    "untrained": 900.0,
    "floor": 9.5,
    "n_real": 100,
    "n_fake": 100,
    "dataset": "fashion_mnist",
    "split": "test",
    "steps": 10,
    "training_minutes": 1.0,
}


@pytest.fixture(scope="module")
def gan():
    return ConditionalGAN((8, 8, 1), num_classes=4, width=60)


def scored(gan, **changes):
    """Returns the model with an origin, which `kerasgan.load` would set."""
    scores = {**SCORES, "weights_sha256": metadata.describe(gan)["weights_sha256"], **changes}
    gan.origin = {
        "name": "an_entry",
        "recipe": {"data": {"name": "fashion_mnist"}},
        "scores": scores,
    }
    return gan


@pytest.mark.parametrize("kind", ["saved_model", "tflite"])
def test_inspect_shows_signature_model_and_scores_of_an_export(gan, tmp_path, kind):
    path = getattr(export, kind)(scored(gan), tmp_path / "out.tflite")
    text = inspection.inspect(path)
    assert "serving_default: " in text and "label int32" in text
    assert "model: cgan" in text and "num_classes=4" in text
    assert metadata.describe(gan)["weights_sha256"] in text
    assert "FD[lite0] 50.0 (floor 9.5)" in text


def test_scores_of_other_weights_are_not_shown(gan, tmp_path):
    path = export.tflite(scored(gan, weights_sha256="0"), tmp_path / "out.tflite")
    assert "scores: none" in inspection.inspect(path)


def test_a_path_that_is_not_an_artefact_gives_a_one_line_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["inspect", str(tmp_path)])
    assert stop.value.code == 2
    assert "There is no trained model" in capsys.readouterr().err


def test_a_saved_model_carries_its_card_and_requests_to_warm_up(gan, tmp_path):
    folder = export.saved_model(scored(gan), tmp_path / "served")
    extra = tmp_path / "served" / "1" / "assets.extra"
    assert "| FD[lite0] | 50.0 |" in (extra / "README.md").read_text()
    signatures = tf.saved_model.load(folder).signatures
    for record in tf.data.TFRecordDataset(str(extra / "tf_serving_warmup_requests")):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "served"
        inputs = {name: tf.constant(tf.make_ndarray(t)) for name, t in request.inputs.items()}
        made = signatures[request.model_spec.signature_name](**inputs)["images"]
        assert made.shape == (len(inputs["z"]), 8, 8, 1)


def test_provenance_is_json_beside_the_graph(gan, tmp_path):
    folder = export.saved_model(scored(gan), tmp_path)
    with open(f"{folder}/{metadata.FILE}") as file:
        about = json.load(file)
    assert about["recipe"] == gan.origin["recipe"] and about["scores"] == gan.origin["scores"]


@pytest.mark.parametrize("damage", ["short tflite", "broken graph"])
def test_a_damaged_artefact_gives_a_one_sentence_error(gan, tmp_path, damage):
    if damage == "short tflite":
        path = tmp_path / "out.tflite"
        export.tflite(gan, path)
        path.write_bytes(path.read_bytes()[:-10])
    else:
        path = tmp_path / "1"
        export.saved_model(gan, tmp_path)
        (path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(UserError, match="^Cannot read|does not say which model"):
        inspection.inspect(path)


@pytest.mark.parametrize("kind", ["points", "conditions"])
def test_models_that_benchmarks_cannot_draw_are_reported(tmp_path, kind):
    gan = {
        "points": lambda: VanillaGAN((2,), latent_dim=2, width=40),
        "conditions": lambda: ConditionalGAN((8, 8, 1), condition_dim=2, width=60),
    }[kind]()
    path = export.tflite(gan, tmp_path / "out.tflite")
    with pytest.raises(UserError, match="makes points|takes `condition`"):
        open_sampler(path)
    text = card.model_card(metadata.describe(gan))
    assert ("sample_png" in text) == (kind == "conditions")
    assert ("condition" in text) == (kind == "conditions")


def test_an_image_takes_time_on_one_thread(gan, tmp_path):
    assert 0.0 < latency.milliseconds(export.tflite(gan, tmp_path / "out.tflite")) < 1000.0


def test_the_code_on_a_card_runs(gan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export.tflite(scored(gan), "an_entry.tflite")
    blocks = card.model_card(metadata.describe(gan)).split("```python\n")[1:]
    (code,) = [block.split("```")[0] for block in blocks if "litert" in block]
    names = {}
    exec(code, names)
    assert names["images"].shape == (1, 8, 8, 1) and np.isfinite(names["images"]).all()


def test_a_card_of_an_unknown_model_says_so():
    text = card.model_card(metadata.describe(DCGAN((8, 8, 1), width=4)))
    assert "was not scored" in text and "not known here" in text
