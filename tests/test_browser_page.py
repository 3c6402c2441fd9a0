"""The page for browsers in Chromium.

These tests need Chromium, Playwright and npm's registry: `make test-export`.
"""

import contextlib
import http.server
import importlib
import re
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import build, cases
from PIL import Image

from kerasgan import (
    DCGAN,
    export,
    latent,
)
from kerasgan.errors import UserError
from kerasgan.images import grid, to_uint8

module = importlib.import_module("kerasgan.export.browser")  # `export.browser` is its function
ROOT = Path(__file__).parents[1]
SCREENSHOT = runpy.run_path(str(ROOT / "export" / "browser_screenshot.py"))


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
