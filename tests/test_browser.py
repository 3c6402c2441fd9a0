"""The page for browsers: what is written without a browser, and what Chromium makes of it.

Tests marked `export` need Chromium, Playwright and npm's registry: `make test-export`.
"""

import base64
import contextlib
import hashlib
import http.server
import importlib
import io
import json
import re
import runpy
import subprocess
import sys
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import build, cases
from PIL import Image

from kerasgan import (
    DCGAN,
    ConditionalGAN,
    VanillaGAN,
    cli,
    download,
    export,
    latent,
    models,
    provenance,
)
from kerasgan.errors import UserError
from kerasgan.export import litert_js
from kerasgan.images import grid, to_uint8

module = importlib.import_module("kerasgan.export.browser")  # `export.browser` is its function
ROOT = Path(__file__).parents[1]
SCREENSHOT = runpy.run_path(str(ROOT / "export" / "browser_screenshot.py"))


# --- The site, with a LiteRT.js that does nothing ---


def archived(members):
    """Returns an npm archive of these members, and its hash as npm gives it."""
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
    """Tiny archives, of which the hashes are pinned; npm and the registry are out of reach."""
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


def test_a_site_holds_all_that_its_page_asks_for(cache, gans, tmp_path):
    site = Path(export.browser(gans, tmp_path / "site"))
    files = listed(site)
    assert {"models/digits.tflite", "models/faces.tflite", "litert/LICENSE.txt"} <= files
    assert {f"litert/{name}" for name in litert_js.FILES} <= files
    assert "not-wanted.js" not in "".join(files)
    text = {name: (site / name).read_text() for name in files if name.count("/") == 0}
    asked = set(re.findall(r'(?:src|href)="([^"#]+)"', text["index.html"]))
    for name in ("page.js", "generator.js", "latents.js", "pictures.js"):
        asked |= set(re.findall(r'(?:from|import\(|URL\()\s*"([^"]+)"', text[name]))
    asked |= set(re.findall(r'"@litertjs/[a-z-]+": "([^"]+)"', text["index.html"]))
    assert {name.removeprefix("./") for name in asked} <= files
    assert len(asked) >= 9


def test_a_site_names_no_other_host(cache, gans, tmp_path):
    site = Path(export.browser(gans, tmp_path / "site"))
    for name in ("index.html", "style.css", "page.js", "generator.js", "latents.js", "pictures.js"):
        assert not re.search(r"https?:|//[a-z]+\.", (site / name).read_text())


def test_models_json_says_what_the_page_must_know(cache, gans, tmp_path):
    site = Path(export.browser(gans, tmp_path / "site"))
    digits, faces = json.loads((site / "models.json").read_text())["models"]
    content = (site / "models" / "faces.tflite").read_bytes()
    assert faces == {
        "name": "faces",
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


@pytest.mark.parametrize("name", models.names())
def test_every_model_draws_latents_as_it_says(name):
    num_classes = {"num_classes": 3} if name == "cgan" else {}
    gan = build(name, **num_classes)
    z = gan.latent_prior(2000, [0, 0]).numpy().astype("float64")
    about = module._prior(gan)
    if about["distribution"] == "normal":
        assert abs(z.mean()) < 0.02 and abs(z.std() - 1.0) < 0.02 and abs(z).max() > 3.5
    else:
        low, high = about["low"], about["high"]
        assert low <= z.min() < low + 1e-3 and high - 1e-3 < z.max() <= high
        assert abs(z.mean() - (low + high) / 2) < 0.02


def test_a_score_is_shown_of_the_weights_it_was_measured_on(cache, gans, tmp_path, monkeypatch):
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


@pytest.mark.parametrize(
    "gans, message",
    [
        (lambda: {}, "needs at least one model. Received: none"),
        (lambda: {"../up": DCGAN((8, 8, 1), width=4)}, r"must consist of .* Received: '../up'"),
        (lambda: {"": DCGAN((8, 8, 1), width=4)}, "must consist of .* Received: ''"),
        (lambda: {"dots": VanillaGAN((2,), width=8)}, r"shows images .* dots, which makes \(2,\)"),
        (
            lambda: {"dense": ConditionalGAN((8, 8, 1), condition_dim=2, width=60)},
            "offers classes, not condition vectors. Received: dense, which takes `condition`",
        ),
    ],
)
def test_what_a_page_cannot_show_is_refused_at_once(archives, gans, tmp_path, message):
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


def test_npm_is_asked_first_and_its_archive_kept(archives, tmp_path, monkeypatch):
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


def test_where_npm_fails_the_registry_is_asked_itself(archives, tmp_path, monkeypatch):
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
    monkeypatch.setattr(litert_js, "_from_npm", lambda name: None)
    monkeypatch.setattr(download, "fetch", lambda *_: b"<html>Not here</html>")
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
    assert [model["name"] for model in about["models"]] == ["my-faces", "run"]


def test_the_command_tells_what_it_cannot_do_in_one_line(archives, gans, tmp_path, capsys):
    gans["digits"].save(tmp_path / "digits.keras")
    twice = (tmp_path / "digits.keras",) * 2
    code, printed = run(capsys, "export", *twice, "--format", "tflite", "--output", tmp_path / "x")
    assert code == 2 and printed.err == (
        "kerasgan: One model goes into tflite. Received: 2 models\n"
    )
    code, printed = run(capsys, "export", *twice, "--format", "browser", "--output", tmp_path / "x")
    assert code == 2 and 'are both called "digits": rename one.' in printed.err


# --- In Chromium ---

in_chromium = pytest.mark.export


def stir(gan):
    """Gives an untrained generator weights with which its images vary."""
    for i, weight in enumerate(gan.generator.trainable_weights):
        if len(weight.shape) > 1:
            weight.assign_add(0.1 * tf.random.stateless_normal(weight.shape, (7, i)))
    if gan.ema_generator is not None:
        gan.ema_generator.set_weights(gan.generator.get_weights())
    return gan


def all_models():
    found = {}
    for case in cases():
        name, arguments = case.values[0]
        found[case.id] = stir(build(name, **arguments))
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """All models, and one of wide colour images, as a site below a path of a server."""
    keras.utils.set_random_seed(1)
    gans = {**all_models(), "wide": stir(DCGAN((8, 16, 3), width=8))}
    root = tmp_path_factory.mktemp("served")
    export.browser(gans, root / "some" / "path")
    with SCREENSHOT["serving"](root) as url:
        yield gans, url + "some/path/", root / "some" / "path"


@pytest.fixture(scope="module")
def chromium():
    with SCREENSHOT["chromium"]() as browser:
        yield browser


@pytest.fixture
def visit(served, chromium):
    """Returns a function that opens the page; whatever the page reports as wrong fails the test."""
    gans, url, _ = served
    wrong, asked = [], []
    with contextlib.ExitStack() as stack:

        def visit(model=None, url=url, drawn=True, script=None, **context):
            context = stack.enter_context(contextlib.closing(chromium.new_context(**context)))
            if script:
                context.add_init_script(script)
            page = context.new_page()
            page.on("console", lambda said: wrong.append(said.text) if said.type in LOUD else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(url)
            if drawn:
                page.wait_for_function("kerasgan.models !== undefined")
                choose_model(page, model or next(iter(gans)))
            return page

        visit.wrong = wrong
        yield visit
    assert wrong == []
    assert [address for address in asked if not address.startswith((url, "file:", "blob:"))] == []


LOUD = ("error", "warning", "assert")


def choose_model(page, name):
    page.select_option("#model", name)
    drawn(page)


def drawn(page):
    SCREENSHOT["wait_until_drawn"](page)


def pixels(page, selector):
    """Returns what a canvas shows, uint8 (H, W, 4)."""
    values, width = page.eval_on_selector(
        selector,
        """canvas => {
          const { width, height } = canvas;
          const context = new OffscreenCanvas(width, height).getContext("2d");
          context.drawImage(canvas, 0, 0);
          return [[...context.getImageData(0, 0, width, height).data], width];
        }""",
    )
    return np.array(values, "uint8").reshape(-1, width, 4)


def tile(page, number):
    return pixels(page, f".tile:nth-child({number}) canvas")


def whole_grid(page):
    return page.eval_on_selector_all(".tile canvas", "all => all.map(c => c.toDataURL()).join()")


def latents(page, name, seed, num):
    """Returns what the page draws from a seed, float32 (num, latent_dim)."""
    rows = page.evaluate(
        """async ([name, seed, num]) => {
          const { drawLatents } = await import("./latents.js");
          const model = kerasgan.models.find((each) => each.name === name);
          return Array.from({length: num}, (_, i) => [...drawLatents(model, seed, i)]);
        }""",
        [name, seed, num],
    )
    return np.array(rows, "float32")


def of_keras(gan, z, label=None):
    labels = None if label is None else tf.constant(label)
    return gan.generate(tf.constant(z), labels).numpy()


@in_chromium
@pytest.mark.parametrize("name", [case.id for case in cases()] + ["wide"])
def test_a_browser_computes_what_keras_computes(served, visit, name, record_property):
    gan = served[0][name]
    z = gan.latent_prior(3, [3, 4]).numpy()
    label = [2, 0, 9] if gan.conditional else None
    page = visit(name)
    made = page.evaluate(
        """async ([name, rows, labels]) => {
          const images = [];
          for (const [i, z] of rows.entries()) {
            images.push([...await kerasgan.generate(name, z, labels?.[i])]);
          }
          return images;
        }""",
        [name, z.tolist(), label],
    )
    expected = of_keras(gan, z, label)
    assert np.ptp(expected) > 0.2  # there is something to compare
    difference = np.abs(np.reshape(made, expected.shape) - expected).max()
    print(f"{name}: largest difference {difference:.1e}")
    record_property("largest_difference", float(difference))
    assert difference <= 1e-4


@in_chromium
@pytest.mark.parametrize("name", ["wide", "cgan-10-classes"])
def test_the_grid_shows_the_bytes_that_keras_makes_of_the_same_latents(served, visit, name):
    gan = served[0][name]
    page = visit(name)
    z = latents(page, name, 0, 12)
    label = np.arange(12, dtype="int32") % 10 if gan.conditional else None
    for i, expected in enumerate(to_uint8(of_keras(gan, z, label))):
        shown = tile(page, i + 1)
        assert (shown[..., 3] == 255).all()
        assert np.abs(shown[..., :3].astype(int) - expected).max() <= 1


@in_chromium
@pytest.mark.parametrize("name", ["dcgan", "vanilla", "sngan", "cgan-10-classes"])
def test_latents_are_spread_as_the_model_draws_them(served, visit, name):
    gan = served[0][name]
    page = visit(name)
    z = latents(page, name, 5, 500).astype("float64")
    drawn_by_keras = gan.latent_prior(500, [0, 0]).numpy()
    assert z.shape == drawn_by_keras.shape
    shares = np.linspace(0.01, 0.99, 50)
    quantiles = np.quantile(z, shares), np.quantile(drawn_by_keras, shares)
    np.testing.assert_allclose(*quantiles, atol=0.05)
    assert np.abs(np.corrcoef(z[:20])[np.triu_indices(20, 1)]).max() < 0.5
    more = latents(page, name, 5, 600)
    np.testing.assert_array_equal(more[:500], z.astype("float32"))
    assert np.abs(latents(page, name, 6, 1) - more[:1]).max() > 0.1


@in_chromium
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_walks_are_those_of_kerasgan(visit, distribution):
    start, end = np.random.default_rng(0).normal(size=(2, 20)).astype("float32")
    walked = visit().evaluate(
        """async ([distribution, start, end]) => {
          const { between } = await import("./latents.js");
          const [a, b] = [Float32Array.from(start), Float32Array.from(end)];
          return [0, 0.25, 0.5, 0.75, 1].map((share) => [...between({distribution}, a, b, share)]);
        }""",
        [distribution, start.tolist(), end.tolist()],
    )
    method = "linear" if distribution == "uniform" else "spherical"
    np.testing.assert_allclose(walked, latent.interpolate(start, end, 5, method), atol=1e-6)


@in_chromium
@pytest.mark.parametrize("name", ["dcgan", "sngan"])
def test_sliders_walk_from_sample_to_sample(visit, name):
    page = visit(name)
    seen = []
    for along, aside in ((0, 0), (50, 0), (100, 0), (50, 50), (50, 100)):
        page.fill("#along", str(along))
        page.fill("#aside", str(aside))
        drawn(page)
        seen.append(pixels(page, "#walk").astype(int))
        assert f"{along}% of the way" in page.get_attribute("#walk", "aria-label")
    for end, number in ((0, 1), (2, 2), (4, 3)):
        assert np.abs(seen[end] - tile(page, number)).max() <= 1
    changes = [np.abs(one - next_).max() for one, next_ in zip(seen, seen[1:], strict=False)]
    assert min(changes) > 5


@in_chromium
def test_a_seed_draws_the_same_samples_again(visit):
    page = visit("dcgan")
    first = whole_grid(page)
    page.fill("#seed", "7")
    drawn(page)
    second = whole_grid(page)
    page.fill("#seed", "0")
    drawn(page)
    assert whole_grid(page) == first != second
    page.click("#new-seed")
    drawn(page)
    assert page.input_value("#seed") != "0" and whole_grid(page) != first


@in_chromium
@pytest.mark.parametrize("seed", ["", "-1", "1.5", str(2**32)])
def test_what_is_no_seed_is_told(visit, seed):
    page = visit("dcgan")
    before = whole_grid(page)
    page.fill("#seed", seed)
    assert "whole number from 0 to 4294967295" in page.inner_text("#seed-note").lower()
    assert whole_grid(page) == before
    choose_model(page, "wgan_gp")  # goes on with the seed before
    choose_model(page, "dcgan")
    assert whole_grid(page) == before
    page.fill("#seed", str(2**32 - 1))
    drawn(page)
    assert page.inner_text("#seed-note") == "" and whole_grid(page) != before


@in_chromium
def test_class_buttons_show_one_class_or_all(served, visit):
    name = "cgan-10-classes"
    page = visit(name)
    buttons = page.locator("#class-buttons label")
    assert buttons.all_inner_texts() == ["All", *map(str, range(10))]
    assert page.get_attribute(".tile:nth-child(14)", "aria-label") == "Sample 14, class 3"
    page.get_by_label("3", exact=True).check()
    drawn(page)
    labels = page.eval_on_selector_all(".tile", "all => all.map(t => t.ariaLabel)")
    assert len(labels) == 64 and all(", class 3" in label for label in labels)
    expected = to_uint8(of_keras(served[0][name], latents(page, name, 0, 5), [3] * 5))[4]
    assert np.abs(tile(page, 5)[..., :3].astype(int) - expected).max() <= 1
    choose_model(page, "dcgan")
    assert not page.is_visible("#classes")


@in_chromium
@pytest.mark.parametrize("name, columns, num", [("wide", 8, 64), ("sagan-10-classes", 10, 60)])
def test_the_grid_can_be_kept_as_png(visit, tmp_path, name, columns, num):
    page = visit(name)
    with page.expect_download() as kept:
        page.click("#download")
    assert kept.value.suggested_filename == f"{name}-seed-0.png"
    kept.value.save_as(tmp_path / "grid.png")
    tiles = np.stack([tile(page, i + 1)[..., :3] for i in range(num)])
    expected = grid(tiles, columns).repeat(4, axis=0).repeat(4, axis=1)
    with Image.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), expected)


@in_chromium
def test_samples_can_be_chosen_by_mouse_and_are_named(visit):
    page = visit("dcgan")
    page.click(".tile:nth-child(9)")
    assert page.get_attribute(".tile:nth-child(9)", "aria-label") == "Sample 9, chosen as A"
    assert page.inner_text("#walk-note") == "A is now sample 9. Choose a sample to make it B."
    page.click(".tile:nth-child(12)")
    page.fill("#along", "100")
    drawn(page)
    for selector in ("#walk", "#point-B"):
        difference = pixels(page, selector).astype(int) - tile(page, 12)
        assert np.abs(difference).max() <= 1


@in_chromium
def test_all_can_be_done_with_the_keyboard(visit):
    page = visit("cgan-10-classes")
    page.focus("#model")
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        outline = page.evaluate(
            """() => {
              const at = document.activeElement.closest("label") ?? document.activeElement;
              return getComputedStyle(at).outlineStyle;
            }"""
        )
        assert outline == "solid", order
    assert order[:2] == ["seed", "new-seed"] and order[3:5] == ["download", "tile"]
    assert order[6:8] == ["along", "aside"]

    page.focus(".tile[tabindex='0']")
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    name = page.evaluate("document.activeElement.ariaLabel")
    assert name == "Sample 49, class 8"  # 1, 2, 12, 60, 50, 49
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.ariaLabel") == f"{name}, chosen as A"
    page.keyboard.press("Home")
    page.keyboard.press("c")
    assert page.get_attribute(".tile:nth-child(1)", "aria-label").endswith("chosen as C")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "download"

    page.focus("#along")
    before = pixels(page, "#walk")
    page.keyboard.press("Home")
    drawn(page)
    assert page.inner_text("#along-value") == "0%"
    assert page.get_attribute("#along", "aria-valuetext") == "0% of the way from A to B"
    assert (pixels(page, "#walk") != before).any()
    page.focus("[name=class]:checked")
    page.keyboard.press("ArrowRight")
    drawn(page)
    assert page.get_attribute(".tile:nth-child(5)", "aria-label") == "Sample 5, class 0"


@in_chromium
def test_everything_has_a_name_for_screen_readers(visit):
    page = visit("cgan-10-classes")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas[role], progress")]
          .filter((it) => !(it.labels?.length || it.ariaLabel || it.innerText?.trim()))
          .map((it) => it.outerHTML)"""
    )
    assert nameless == []
    assert page.get_by_role("status").first.inner_text().startswith("60 at ")
    assert page.get_by_role("group", name="60 samples of cgan-10-classes, seed 0").is_visible()
    assert page.get_by_role("img", name="Image made 50% of the way from A to B").is_visible()


@in_chromium
def test_milliseconds_per_image_are_shown(visit):
    status = visit("dcgan").inner_text("#status")
    assert re.fullmatch(r"64 at (under 0\.1|\d+(\.\d)?) ms per image \(median\)", status)


@in_chromium
def test_a_newer_request_takes_over_from_an_older_one(visit):
    page = visit("dcgan")
    page.fill("#seed", "30")
    drawn(page)
    expected = whole_grid(page)
    page.evaluate(
        """() => {
          for (const seed of [1, 2, 3, 30]) {
            document.getElementById("seed").value = seed;
            document.getElementById("seed").dispatchEvent(new Event("input"));
          }
        }"""
    )
    page.select_option("#model", "lapgan")
    page.select_option("#model", "dcgan")
    drawn(page)
    assert whole_grid(page) == expected
    assert page.get_attribute("#grid", "aria-label") == "64 samples of dcgan, seed 30"


@in_chromium
def test_a_model_that_cannot_be_fetched_is_told_and_can_be_tried_again(visit):
    page = visit("dcgan")
    page.route("**/sngan.tflite*", lambda route: route.fulfill(status=404, body=""))
    page.select_option("#model", "sngan")
    page.wait_for_selector("#problem:not([hidden])")
    problem = page.inner_text("#problem")
    assert problem.startswith("This did not work: ") and "models/sngan.tflite: 404" in problem
    assert all("404" in text for text in visit.wrong)
    visit.wrong.clear()
    page.unroute("**/sngan.tflite*")
    choose_model(page, "dcgan")
    choose_model(page, "sngan")
    assert not page.is_visible("#problem")


@in_chromium
@pytest.mark.parametrize("width", [360, 390, 768])
def test_a_small_screen_needs_no_scrolling_sideways(visit, width):
    page = visit("cgan-10-classes", viewport={"width": width, "height": 740}, has_touch=True)
    for model in ("cgan-10-classes", "wide", "dcgan"):
        choose_model(page, model)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".tile").count() == (36 if width < 640 else 64)
    page.tap(".tile:nth-child(20)")
    assert page.get_attribute(".tile:nth-child(20)", "aria-label") == "Sample 20, chosen as A"
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, .chip, #along")]
          .filter((it) => it.offsetParent && it.getBoundingClientRect().height < 24)
          .map((it) => it.outerHTML)"""
    )
    assert small == []


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visit, scheme):
    page = visit("cgan-10-classes", color_scheme=scheme)
    colours = page.evaluate(
        """() => {
          const root = getComputedStyle(document.documentElement);
          const rgb = (name) => {
            const it = document.createElement("i");
            it.style.color = root.getPropertyValue(name);
            document.body.append(it);
            return getComputedStyle(it).color.match(/[\\d.]+/g).map(Number).slice(0, 3);
          };
          const pairs = [["--ink", "--ground"], ["--ink", "--card"], ["--soft", "--ground"],
            ["--soft", "--card"], ["--accent", "--ground"], ["--on-accent", "--accent"],
            ["--warn-ink", "--warn-ground"], ["--card", "--a"], ["--card", "--b"],
            ["--card", "--c"]];
          return pairs.map((pair) => pair.map(rgb));
        }"""
    )

    def luminance(colour):
        c = np.array(colour) / 255
        c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return c @ [0.2126, 0.7152, 0.0722]

    for pair in colours:
        dark, light = sorted(map(luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair  # WCAG 2.2, 1.4.3


@in_chromium
def test_without_webassembly_a_message_says_so(visit):
    page = visit(drawn=False, script="delete window.WebAssembly")
    assert "This browser has no WebAssembly" in page.get_by_role("alert").first.inner_text()
    assert not page.is_visible("#app")


@in_chromium
def test_without_javascript_a_message_says_so(visit):
    page = visit(drawn=False, java_script_enabled=False)
    assert "switch JavaScript on" in page.inner_text("noscript")


@in_chromium
def test_opened_as_a_file_the_page_says_how_to_serve_it(visit):
    url = (module.PAGE / "index.html").as_uri()
    page = visit(drawn=False, url=url)
    assert "python -m http.server" in page.get_by_role("alert").first.inner_text()
    visit.wrong.clear()  # Chromium's own words on modules in files


@in_chromium
def test_a_server_that_knows_no_wasm_serves_it_too(served, visit, monkeypatch):
    types = {".wasm": "application/octet-stream", ".tflite": "text/plain", ".json": "text/plain"}
    known = http.server.SimpleHTTPRequestHandler.extensions_map
    monkeypatch.setattr(SCREENSHOT["Quiet"], "extensions_map", {**known, **types})
    assert "ms per image" in visit("dcgan").inner_text("#status")


@in_chromium
def test_a_picture_of_the_page_can_be_taken(served, tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path} is no site"):
        SCREENSHOT["main"](tmp_path, tmp_path / "page.png")
    script = ROOT / "export" / "browser_screenshot.py"
    options = ["--model=dcgan", "--dark", "--width=1000", "--height=700"]
    command = [sys.executable, script, served[2], tmp_path / "page.png", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "page.png") as image:
        assert image.size == (1000, 700) and np.asarray(image.convert("L")).mean() < 100
