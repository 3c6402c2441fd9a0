"""What visitors of the page can do and see, and the messages they get."""

import http.server
import importlib
import re
import subprocess
import sys

import numpy as np
import pytest
from chromium_page import (
    ROOT,
    SCREENSHOT,
    choose_model,
    drawn,
    latents,
    of_keras,
    pixels,
    tile,
    whole_grid,
)
from PIL import Image as Picture

from kerasgan.signature import Image
from kerasgan.utils.errors import UserError
from kerasgan.utils.pixels import grid, to_uint8

module = importlib.import_module("kerasgan.export.browser")  # `export.browser` is the function
pytestmark = pytest.mark.export


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


@pytest.mark.parametrize("seed", ["", "-1", "1.5", str(2**32)])
def test_an_invalid_seed_is_reported(visit, seed):
    page = visit("dcgan")
    before = whole_grid(page)
    page.fill("#seed", seed)
    assert "whole number from 0 to 4294967295" in page.inner_text("#seed-note").lower()
    assert whole_grid(page) == before
    choose_model(page, "wgan_gp")  # keeps the last valid seed
    choose_model(page, "dcgan")
    assert whole_grid(page) == before
    page.fill("#seed", str(2**32 - 1))
    drawn(page)
    assert page.inner_text("#seed-note") == "" and whole_grid(page) != before


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


@pytest.mark.parametrize("width", [1280, 320])
def test_names_of_classes_fit_their_buttons(visit, width):
    page = visit("named", viewport={"width": width, "height": 700})
    chips = page.locator("#class-buttons .chip")
    assert chips.all_inner_texts() == ["All", "Smileys & Emotion", "People & Body", "Flags"]
    assert chips.evaluate_all("all => all.every(c => c.scrollWidth <= c.clientWidth)")


def test_models_of_one_kind_stand_together(served, visit):
    page = visit("named")
    kinds = page.eval_on_selector_all("#model optgroup", "all => all.map((kind) => kind.label)")
    assert kinds == ["Images of a class", "Images", "Sounds"]
    chosen = page.locator("#model option").evaluate_all("all => all.map((each) => each.value)")
    assert sorted(chosen) == sorted(served[0])
    signatures = [served[0][name].signature for name in chosen]
    order = [
        ("label" not in each.inputs, each.output.shape[-1] == 1)
        for each in signatures
        if isinstance(each.output, Image)
    ]
    assert order == sorted(order) and len(order) < len(chosen)


@pytest.mark.parametrize("name, columns, num", [("wide", 8, 64), ("sagan-10-classes", 10, 60)])
def test_the_grid_can_be_kept_as_png(visit, tmp_path, name, columns, num):
    page = visit(name)
    with page.expect_download() as kept:
        page.click("#download")
    assert kept.value.suggested_filename == f"{name}-seed-0.png"
    kept.value.save_as(tmp_path / "grid.png")
    tiles = np.stack([tile(page, i + 1)[..., :3] for i in range(num)])
    expected = grid(tiles, columns).repeat(4, axis=0).repeat(4, axis=1)
    with Picture.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), expected)


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


def test_everything_works_with_the_keyboard(visit):
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
    assert name == "Sample 49, class 8"  # samples visited: 1, 2, 12, 60, 50, 49
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


def test_milliseconds_per_image_are_shown(visit):
    status = visit("dcgan").inner_text("#status")
    assert re.fullmatch(r"64 at (under 0\.1|\d+(\.\d)?) ms per image \(median\)", status)


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


def test_a_model_that_cannot_be_fetched_is_reported_and_can_be_retried(visit):
    page = visit("dcgan")
    page.route("**/sngan.tflite*", lambda route: route.fulfill(status=404, body=""))
    page.select_option("#model", "sngan")
    page.wait_for_selector("#problem:not([hidden])")
    problem = page.inner_text("#problem")
    assert problem.startswith("This did not work: ") and "models/sngan.tflite: 404" in problem
    assert page.is_disabled("#download")  # nothing of the model before stands under its name
    assert not tile(page, 1).any()
    assert all("404" in text for text in visit.wrong)
    visit.wrong.clear()
    page.unroute("**/sngan.tflite*")
    choose_model(page, "dcgan")
    choose_model(page, "sngan")
    assert not page.is_visible("#problem")


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(visit, scheme):
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


def test_without_webassembly_a_message_says_so(visit):
    page = visit(drawn=False, script="delete window.WebAssembly")
    assert "This browser has no WebAssembly" in page.get_by_role("alert").first.inner_text()
    assert not page.is_visible("#app")


def test_without_javascript_a_message_says_so(visit):
    page = visit(drawn=False, java_script_enabled=False)
    assert "switch JavaScript on" in page.inner_text("noscript")


def test_opened_as_a_file_the_page_says_how_to_serve_it(visit):
    url = (module.PAGE / "index.html").as_uri()
    page = visit(drawn=False, url=url)
    assert "python -m http.server" in page.get_by_role("alert").first.inner_text()
    visit.wrong.clear()  # Chromium's own errors about modules in file: URLs


def test_a_server_without_the_wasm_media_type_works(served, visit, monkeypatch):
    types = {".wasm": "application/octet-stream", ".tflite": "text/plain", ".json": "text/plain"}
    known = http.server.SimpleHTTPRequestHandler.extensions_map
    monkeypatch.setattr(SCREENSHOT["Quiet"], "extensions_map", {**known, **types})
    assert "ms per image" in visit("dcgan").inner_text("#status")


def test_a_picture_of_the_page_can_be_taken(served, tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path} is no site"):
        SCREENSHOT["main"](tmp_path, tmp_path / "page.png")
    script = ROOT / "export" / "browser_screenshot.py"
    options = ["--model=dcgan", "--dark", "--width=1000", "--height=700"]
    command = [sys.executable, script, served[2], tmp_path / "page.png", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with Picture.open(tmp_path / "page.png") as image:
        assert image.size == (1000, 700) and np.asarray(image.convert("L")).mean() < 100
