"""`kerasgan inspect`, model cards and the metadata of exports."""

import base64
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from foreign.frames import Prediction
from foreign.holes import Completion
from foreign.pictures import Colouring
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2

import kerasgan
from kerasgan import DCGAN, ConditionalGAN, VanillaGAN, cli, export, inspection
from kerasgan.export import card, metadata
from kerasgan.inspection import latency
from kerasgan.inspection.samplers import open_sampler
from kerasgan.utils.errors import UserError
from kerasgan.utils.pixels import to_uint8

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


@pytest.mark.parametrize("kind", ["pictures", "holes", "frames"])
def test_the_code_on_a_card_of_a_model_of_pictures_runs(kind, tmp_path, monkeypatch):
    gan = {"pictures": Colouring, "holes": Completion, "frames": Prediction}[kind]()
    gan.origin = {"name": "an_entry"}
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    folders = {"folder_of_pictures": "picture", "folder_of_masks": "hole"}
    for folder, name in folders.items():
        (tmp_path / folder).mkdir()
        picture = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        picture.save(f"{folder}/{name}.png")
        picture.save(f"{name}.png")
    (tmp_path / "folder_of_frames").mkdir()
    for i in range(3):
        picture = Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8))
        picture.save(f"folder_of_frames/frame_{i}.png")
        picture.save(f"frame_{i}.png")
    text = card.model_card(metadata.describe(gan))
    with_keras, with_litert = (block.split("```")[0] for block in text.split("```python\n")[1:])
    monkeypatch.setattr(kerasgan, "load", {"an_entry": gan}.get)
    samples, images = {}, {}
    exec(with_keras, samples)
    export.tflite(gan, "an_entry.tflite")
    exec(with_litert, images)
    assert samples["samples"].shape == (1, *gan.signature.output.shape)
    np.testing.assert_allclose(images["images"], samples["samples"], atol=0.02)

    # The shell's part: what it sends is what the signature takes.
    shell = text.split("```sh\n")[1].split("```")[0]
    shell = shell.partition("curl")[0] + "cat <<END" + shell.partition("<<END")[2]
    sent = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
    request = json.loads(sent)
    assert request["signature_name"] == "png"

    def decoded(value):
        nested = isinstance(value, list)
        return [decoded(each) for each in value] if nested else base64.b64decode(value["b64"])

    inputs = {name: tf.constant(decoded(value)) for name, value in request["inputs"].items()}
    served = tf.saved_model.load(export.saved_model(gan, "served")).signatures["png"]
    (file,) = served(**inputs)["image_bytes"].numpy()
    made = np.asarray(Image.open(io.BytesIO(file))).reshape(gan.signature.output.shape)
    assert np.abs(made.astype(int) - to_uint8(samples["samples"])[0]).max() <= 3


def test_what_goes_in_and_comes_out_is_told_in_words(gan, tmp_path):
    words = "16x16 colour pictures from 16x16 colour pictures `picture` and 16x16 masks `hole`"
    completion = Completion()
    text = card.model_card(metadata.describe(completion))
    assert f"A generator that makes {words}, made with kerasgan" in text
    assert "interpolation.png" not in card.model_card(
        metadata.describe(completion), ["samples.png"]
    )
    path = export.tflite(completion, tmp_path / "out.tflite")
    assert f"makes: {words}" in inspection.inspect(path)
    completion.save(tmp_path / "out.keras")
    assert f"makes: {words}" in inspection.inspect(tmp_path / "out.keras")
    path = export.tflite(gan, tmp_path / "out.tflite")
    assert "makes: 8x8 grey pictures from 100 latents `z` and 4 cl" in inspection.inspect(path)
    assert (
        Prediction().signature.described
        == "16x16 grey pictures from films of 3 16x16 grey frames `frames`"
    )


def test_a_list_of_entries_says_what_images_are_made_from(tmp_path, monkeypatch, capsys):
    from kerasgan.zoo import entries

    recipes = {"plain": {}, "translated": {"inputs": {"source": "16x16 grey pictures"}}}
    for name, result in recipes.items():
        (tmp_path / name).mkdir()
        recipe = '[model]\nname = "dcgan"\n[data]\nname = "fashion_mnist"\n'
        (tmp_path / name / "recipe.toml").write_text(recipe)
        result = {"image_shape": [8, 8, 1], **SCORES, **result}
        (tmp_path / name / "result.json").write_text(json.dumps(result))
        (tmp_path / name / entries.WEIGHTS).write_bytes(b"")
    monkeypatch.setattr(entries, "folder", lambda: tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["list"])
    _, plain, translated, *_ = capsys.readouterr().out.splitlines()
    assert "  latents  " in plain and "  16x16 grey pictures  " in translated


def test_a_card_of_an_unknown_model_says_so():
    text = card.model_card(metadata.describe(DCGAN((8, 8, 1), width=4)))
    assert "was not scored" in text and "not known here" in text


CLASS = """
import kerasgan

class Mine(kerasgan.DCGAN):
    pass
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "gan.keras"],
        pytest.param(
            ["benchmark", "fid", "gan.keras", "--extractor", "lite0"], marks=pytest.mark.slow
        ),
        pytest.param(["benchmark", "export", "gan.keras"], marks=pytest.mark.slow),
    ],
    ids=lambda arguments: arguments[1],
)
def test_commands_import_the_class_of_a_model(tmp_path, arguments):
    (tmp_path / "mine.py").write_text(CLASS)
    save = "import mine; g = mine.Mine((8, 8, 1), width=4); g.compile(); g.save('gan.keras')"
    save += "; mine.kerasgan.DCGAN((8, 8, 1), width=4).save('ours.keras')"
    subprocess.run([sys.executable, "-c", save], cwd=tmp_path, check=True, capture_output=True)
    loads_ours = "import keras\nimport kerasgan\nkeras.saving.load_model('ours.keras')\n"
    (tmp_path / "mine.py").write_text(loads_ours + CLASS)
    if arguments[0] == "benchmark":
        arguments = [*arguments, "--num", "10", "--dataset", "fashion_mnist_mini"]
        arguments += ["--output", "scores"]
    command = [sys.executable, "-m", "kerasgan_cli", *arguments]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 2 and "--import" in refused.stderr
    command += ["--import", "mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
