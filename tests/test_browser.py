"""Writing the page for browsers: its files, LiteRT.js from npm, the command line."""

import base64
import hashlib
import importlib
import io
import json
import re
import runpy
import tarfile
from pathlib import Path

import numpy as np
import pytest
from contract import build
from foreign.frames import Prediction
from foreign.holes import Completion
from foreign.pictures import Colouring
from PIL import Image

from kerasgan import DCGAN, ConditionalGAN, StyleGAN2, VanillaGAN, cli, export, latent, models
from kerasgan import signature as kinds
from kerasgan.export import litert_js
from kerasgan.utils import network, npm, provenance
from kerasgan.utils.errors import UserError
from kerasgan.utils.pixels import to_uint8

module = importlib.import_module("kerasgan.export.browser")  # `export.browser` is the function
MODULES = sorted(path.name for path in module.PAGE.glob("*.js") if path.name != "start.js")
ROOT = Path(__file__).parents[1]
SCREENSHOT = runpy.run_path(str(ROOT / "export" / "browser_screenshot.py"))


# --- The site, with a dummy LiteRT.js ---


def archived(members):
    """Returns an npm archive of the members, and its hash in npm's format."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in members:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            archive.addfile(info, io.BytesIO(name.encode()))
    digest = hashlib.sha512(file.getvalue()).digest()
    return file.getvalue(), "sha512-" + base64.b64encode(digest).decode()


@pytest.fixture
def archives(monkeypatch, tmp_path):
    """Tiny archives with pinned hashes; npm and the registry are unreachable."""
    made = {}
    for name in litert_js.INTEGRITY:
        members = [member for package, member in litert_js.FILES.values() if package == name]
        made[name], integrity = archived([*members, "package/not-wanted.js"])
        monkeypatch.setitem(litert_js.INTEGRITY, name, integrity)
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(litert_js, "URL", "http://127.0.0.1:9/{name}-{version}.tgz")  # discard
    return made


@pytest.fixture
def cache(archives, tmp_path):
    """A cache that holds both archives."""
    folder = tmp_path / "cache" / "litertjs"
    folder.mkdir(parents=True)
    for name, content in archives.items():
        (folder / f"{name}-{litert_js.VERSION}.tgz").write_bytes(content)
    return folder


@pytest.fixture
def gans():
    return {
        "digits": ConditionalGAN((8, 8, 1), num_classes=4, width=60),
        "faces": DCGAN((8, 12, 3), width=4),
    }


def listed(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_site_holds_every_file_that_its_page_requests(cache, gans, tmp_path):
    site = Path(export.browser(gans, tmp_path / "site"))
    files = listed(site)
    assert {"models/digits.tflite", "models/faces.tflite", "litert/LICENSE.txt"} <= files
    assert {f"litert/{name}" for name in litert_js.FILES} <= files
    assert "not-wanted.js" not in "".join(files)
    text = {name: (site / name).read_text() for name in files if name.count("/") == 0}
    asked = set(re.findall(r'(?:src|href)="([^"#]+)"', text["index.html"]))
    for name in MODULES:
        asked |= set(re.findall(r'(?:from|import\(|URL\()\s*"([^"]+)"', text[name]))
    asked |= set(re.findall(r'"@litertjs/[a-z-]+": "([^"]+)"', text["index.html"]))
    assert {name.removeprefix("./") for name in asked} <= files
    assert len(asked) >= 9


def test_a_site_names_no_other_host(cache, gans, tmp_path):
    site = Path(export.browser(gans, tmp_path / "site"))
    for name in ("index.html", "style.css", *MODULES):
        assert not re.search(r"https?:|//[a-z]+\.", (site / name).read_text())


def test_models_json_holds_what_the_page_needs(cache, gans, tmp_path):
    site = Path(export.browser(gans, tmp_path / "site"))
    digits, faces = json.loads((site / "models.json").read_text())["models"]
    content = (site / "models" / "faces.tflite").read_bytes()
    np.testing.assert_allclose(
        faces.pop("directions"), latent.directions(gans["faces"], 5), atol=1e-6
    )
    assert faces == {
        "name": "faces",
        "kind": "Images",
        "variant": "DCGAN",
        "file": "models/faces.tflite",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "image_shape": [8, 12, 3],
        "num_classes": None,
        "latent_dim": 100,
        "prior": {"distribution": "uniform", "low": -1.0, "high": 1.0},
        "score": None,
    }
    assert (digits["num_classes"], digits["prior"]["low"]) == (4, 0.0)
    assert digits["kind"] == "Images of a class"


def test_models_json_offers_the_numbers_that_a_model_takes(cache, tmp_path):
    gan = StyleGAN2((8, 8, 1), latent_dim=8, width=4)
    site = Path(export.browser({"styles": gan}, tmp_path / "site"))
    (styles,) = json.loads((site / "models.json").read_text())["models"]
    truncation = {"name": "truncation", "default": 1.0, "low": 0.0, "high": None}
    assert styles["numbers"] == [truncation] and styles["latent_dim"] == 8
    assert "directions" not in styles  # of w, which the page does not take


def test_models_of_pictures_bring_examples_of_their_inputs(cache, tmp_path):
    gans = {"holes": Completion(), "frames": Prediction(), "blank": Colouring()}
    for name in ("holes", "frames"):
        for key, kind in gans[name].signature.given.items():
            gans[name].examples[key] = kind.check(kind.random(np.random.default_rng(0), 20), key)
    site = Path(export.browser(gans, tmp_path / "site"))
    frames, blank, holes = json.loads((site / "models.json").read_text())["models"]
    assert "latent_dim" not in holes and holes["image_shape"] == [16, 16, 3]
    assert blank["given"] == [
        {"name": "picture", "kind": "image", "shape": [16, 16, 1], "examples": []}
    ]
    (film,), (picture, hole) = frames["given"], holes["given"]
    assert (film["kind"], film["shape"]) == ("film", [3, 16, 16, 1])
    assert (picture["kind"], hole["kind"]) == ("image", "mask")
    assert [len(each["examples"]) for each in (film, picture, hole)] == [12, 12, 12]
    with Image.open(site / film["examples"][2]) as image:
        strip = np.asarray(image)
    np.testing.assert_array_equal(
        strip, np.concatenate(to_uint8(gans["frames"].examples["frames"][2][..., 0]), axis=1)
    )
    with Image.open(site / hole["examples"][1]) as image:
        np.testing.assert_array_equal(
            np.asarray(image), 255 * gans["holes"].examples["hole"][1][..., 0]
        )


@pytest.mark.parametrize("name", models.names())
def test_every_model_draws_latents_from_its_declared_prior(name):
    num_classes = {"num_classes": 3} if name == "cgan" else {}
    gan = build(name, **num_classes)
    if "z" not in gan.signature.inputs:
        pytest.skip("it takes pictures")
    z = gan.latent_prior(2000, [0, 0]).numpy().astype("float64")
    about = gan.signature.inputs["z"].control()["prior"]
    if about["distribution"] == "normal":
        assert abs(z.mean()) < 0.02 and abs(z.std() - 1.0) < 0.02 and abs(z).max() > 3.5
    else:
        low, high = about["low"], about["high"]
        assert low <= z.min() < low + 1e-3 and high - 1e-3 < z.max() <= high
        assert abs(z.mean() - (low + high) / 2) < 0.02


def test_a_score_is_shown_only_for_weights_it_was_measured_on(cache, gans, tmp_path, monkeypatch):
    result = {
        "metric": "FD[lite0]",
        "trained": 12.5,
        "n_real": 20,
        "n_fake": 30,
        "dataset": "clothes",
        "split": "test",
        "image_shape": [8, 12, 3],
        "weights_sha256": provenance.weights_sha256(gans["faces"].inference_generator),
    }
    for gan in gans.values():
        monkeypatch.setattr(gan, "origin", {"scores": result})
    site = Path(export.browser(gans, tmp_path / "site"))
    digits, faces = json.loads((site / "models.json").read_text())["models"]
    assert digits["score"] is None
    assert faces["score"]["value"] == 12.5 and faces["score"]["n_fake"] == 30


def test_a_page_knows_latents_and_classes_by_their_names():
    image = kinds.Image((8, 8, 1))
    for drawn in (
        {"z": kinds.Latent(8), "noise": kinds.Latent(4)},
        {"z": kinds.Latent(8), "digit": kinds.Label(10)},
    ):
        assert list(drawn)[1] in module.unfit("mine", kinds.Signature(drawn, image))
    assert module.unfit("mine", kinds.Signature({"z": kinds.Latent(8)}, image)) is None


@pytest.mark.parametrize(
    "gans, message",
    [
        (lambda: {}, "needs at least one model. Received: none"),
        (lambda: {"../up": DCGAN((8, 8, 1), width=4)}, r"must consist of .* Received: '../up'"),
        (lambda: {"": DCGAN((8, 8, 1), width=4)}, "must consist of .* Received: ''"),
        (lambda: {"dots": VanillaGAN((2,), width=8)}, r"shows images .* dots, which makes vectors"),
        (
            lambda: {"dense": ConditionalGAN((8, 8, 1), condition_dim=2, width=60)},
            "only offer latents `z`, classes `label`, numbers, .* Received: dense, which",
        ),
    ],
)
def test_models_that_a_page_cannot_show_are_refused_at_once(archives, gans, tmp_path, message):
    with pytest.raises(UserError, match=message):
        export.browser(gans(), tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_an_existing_folder_is_left_alone(archives, gans, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match=f"^{tmp_path} exists already: name another folder"):
        export.browser(gans, tmp_path)
    assert listed(tmp_path) == {"mine"}


def test_an_export_that_fails_leaves_nothing_behind(cache, gans, tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "tflite", fail)
    with pytest.raises(KeyboardInterrupt):
        export.browser(gans, tmp_path / "new" / "site")
    assert list((tmp_path / "new").iterdir()) == []


# --- LiteRT.js from npm ---


def fake_npm(folder, line):
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{line}\n")
    (folder / "npm").chmod(0o755)
    return str(folder)


def test_without_archive_npm_or_network_one_error_names_url_and_folder(archives, tmp_path):
    url = f"http://127.0.0.1:9/core-{litert_js.VERSION}.tgz"
    message = (
        f"A page needs LiteRT.js ({url}), which is not on this machine, and 127.0.0.1 cannot be "
        f"reached: fetch {url} and put it into {tmp_path / 'cache' / 'litertjs'}"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        litert_js.files()
    assert not (tmp_path / "cache").exists()


def test_npm_is_tried_first_and_its_archive_kept(archives, tmp_path, monkeypatch):
    for name, content in archives.items():
        (tmp_path / f"{name}.tgz").write_bytes(content)
    copy = f'p=${{2#@litertjs/}}; /bin/cp "{tmp_path}/${{p%@*}}.tgz" litertjs-x.tgz'
    monkeypatch.setenv("PATH", fake_npm(tmp_path / "bin", copy))
    first = litert_js.files()
    assert first["core.js"] == b"package/dist/index.js"
    assert set(first) == {*litert_js.FILES, "README.txt"}
    monkeypatch.setenv("PATH", "")
    assert litert_js.files() == first
    kept = {f"litertjs/{name}-{litert_js.VERSION}.tgz" for name in archives}
    assert listed(tmp_path / "cache") == kept


def test_if_npm_fails_the_registry_is_used_directly(archives, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_npm(tmp_path / "bin", "exit 1"))
    served = tmp_path / "served"
    served.mkdir()
    for name, content in archives.items():
        (served / f"{name}-{litert_js.VERSION}.tgz").write_bytes(content)
    with SCREENSHOT["serving"](served) as url:
        monkeypatch.setattr(litert_js, "URL", url + "{name}-{version}.tgz")
        assert litert_js.files()["wasm-utils.js"] == b"package/dist/index.js"


def test_an_archive_with_another_hash_is_never_used(cache, archives, tmp_path, monkeypatch):
    path = cache / f"core-{litert_js.VERSION}.tgz"
    path.write_bytes(archives["wasm-utils"])
    wanted = re.escape(litert_js.INTEGRITY["core"])
    with pytest.raises(
        UserError, match=f"core-.*tgz is not .* delete it .*{wanted}.*Received: sha"
    ):
        litert_js.files()
    path.unlink()
    monkeypatch.setattr(npm, "from_npm", lambda package: None)
    monkeypatch.setattr(network, "fetch", lambda *_: b"<html>Not here</html>")
    with pytest.raises(UserError, match="gave another core-.* than the one wanted"):
        litert_js.files()
    assert not path.exists()


# --- On the command line ---


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(argument) for argument in arguments])
    return stop.value.code, capsys.readouterr()


def test_the_command_writes_a_page_of_several_models(cache, gans, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    gans["digits"].save(tmp_path / "run" / "model.keras")
    gans["faces"].save(tmp_path / "my faces.keras")
    entries = tmp_path / "run", tmp_path / "my faces.keras"
    site = tmp_path / "site"
    code, printed = run(capsys, "export", *entries, "--format", "browser", "--output", site)
    assert code == 0, printed.err
    assert f"Written: {site}" in printed.out and "python -m http.server" in printed.out
    about = json.loads((site / "models.json").read_text())
    assert [model["name"] for model in about["models"]] == ["run", "my-faces"]  # classes first

    # Another page takes its place only when it is whole.
    again = ("--format", "browser", "--output", site, "--overwrite")
    VanillaGAN((2,), width=8).save(tmp_path / "dots.keras")
    code, printed = run(capsys, "export", tmp_path / "dots.keras", *again)
    assert code == 2 and "makes vectors" in printed.err
    assert json.loads((site / "models.json").read_text()) == about
    code, printed = run(capsys, "export", tmp_path / "my faces.keras", *again)
    assert code == 0, printed.err
    (model,) = json.loads((site / "models.json").read_text())["models"]
    assert model["name"] == "my-faces"
    assert not list(tmp_path.glob(".partial*"))


def test_the_command_reports_errors_in_one_line(archives, gans, tmp_path, capsys):
    gans["digits"].save(tmp_path / "digits.keras")
    twice = (tmp_path / "digits.keras",) * 2
    code, printed = run(capsys, "export", *twice, "--format", "tflite", "--output", tmp_path / "x")
    assert code == 2 and printed.err == (
        "kerasgan: Only one model can be exported as tflite. Received: 2\n"
    )
    code, printed = run(capsys, "export", *twice, "--format", "browser", "--output", tmp_path / "x")
    assert code == 2 and 'are both called "digits": rename one.' in printed.err
