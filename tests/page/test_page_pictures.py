"""The page of models that make pictures of pictures: drawing, dropping, holes, films."""

import base64
import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from chromium_page import choose_model, drawn, pixels, stir
from foreign.frames import Prediction
from foreign.holes import Completion
from foreign.pictures import Colouring
from PIL import Image
from test_picture_requests import Noisy, photo

from kerasgan import DCGAN, data
from kerasgan.signature import Image as ImageKind
from kerasgan.signature import Signature
from kerasgan.utils.pixels import from_uint8, to_uint8

pytestmark = pytest.mark.export
NAMES = ["colouring", "holes", "frames", "noisy", "seeing"]


class Seeing(Colouring):
    """Takes pictures in colour."""

    def __init__(self):
        source = keras.Input((16, 24, 3), name="source")
        images = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(source)
        super(Colouring, self).__init__(
            keras.Model(source, images, name="generator"),
            keras.Sequential([keras.Input((16, 24, 3)), keras.layers.Flatten()]),
            signature=Signature({"source": ImageKind((16, 24, 3))}, ImageKind((16, 24, 3))),
        )


@pytest.fixture(scope="module")
def gans():
    keras.utils.set_random_seed(1)
    made = {
        "colouring": Colouring(),
        "holes": Completion(),
        "frames": Prediction(),
        "noisy": Noisy(),
        "seeing": Seeing(),
        "blank": Colouring(),
        "latents": DCGAN((8, 8, 1), width=4),
    }
    rng = np.random.default_rng(0)
    for name in NAMES:
        for key, kind in made[name].signature.given.items():
            values = kind.check(kind.random(rng, 20), key)
            if key == "hole":
                values[:] = 0
                values[:, 4:10, 4:10] = 1
            made[name].examples[key] = values
    return {name: stir(gan) for name, gan in made.items()}


def given(page):
    """Returns the inputs that the page shows, by name: flat float32 arrays."""
    values = page.evaluate(
        "Object.entries(kerasgan.given()).map(([name, values]) => [name, [...values]])"
    )
    return {name: np.array(each, "float32") for name, each in values}


def of_keras(gan, values, seed=0):
    """Returns the bytes of what Keras makes of a page's inputs."""
    shaped = {
        name: tf.constant(values[name].reshape(1, *kind.shape))
        for name, kind in gan.signature.given.items()
    }
    inputs = gan.signature.draw(1, tf.constant([seed, 0], tf.int64), shaped)
    return to_uint8(gan.generate(*inputs).numpy()[0])


def check_result(page, gan, seed=0):
    """Checks that the result is what Keras makes of the inputs that the page shows."""
    drawn(page)
    shown = pixels(page, "#result").astype(int)
    expected = of_keras(gan, given(page), seed)
    assert np.abs(shown[..., : expected.shape[-1]] - expected).max() <= 1
    return shown


def stroke(page, selector, start, end):
    """Draws a line on a canvas with the mouse, between places from 0 to 1."""
    box = page.locator(selector).bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=5)
    page.mouse.up()
    drawn(page)


def drop(page, selector, files):
    """Drops files, dict from names to bytes, onto an element."""
    contents = {name: base64.b64encode(each).decode() for name, each in files.items()}
    page.locator(selector).evaluate(
        """(target, contents) => {
          const dataTransfer = new DataTransfer();
          for (const [name, content] of Object.entries(contents)) {
            const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
            dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
          }
          target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        contents,
    )


def png(picture):
    file = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_browser_computes_what_keras_computes(gans, visit, name, record_property):
    gan = gans[name]
    rng = np.random.default_rng(3)
    kinds = gan.signature.given
    inputs = {key: kind.check(kind.random(rng, 1), key) for key, kind in kinds.items()}
    z = gan.latent_prior(1, [3, 4]).numpy() if gan.signature.seeded else None
    page = visit(name)
    made = page.evaluate(
        """async ([name, z, given]) => [...await kerasgan.generate(name, z, 0, {}, given)]""",
        [
            name,
            None if z is None else z[0].tolist(),
            {key: values.ravel().tolist() for key, values in inputs.items()},
        ],
    )
    full = {**inputs, **({} if z is None else {"z": z})}
    expected = gan.generate(*(tf.constant(full[key]) for key in gan.signature.inputs)).numpy()
    difference = np.abs(np.reshape(made, expected.shape) - expected).max()
    record_property("largest_difference", float(difference))
    assert np.ptp(expected) > 0.2 and difference <= 5e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_kept_examples_are_there_to_start_from(gans, visit, name):
    gan = gans[name]
    page = visit(name)
    buttons = page.locator("#example-buttons button")
    assert buttons.count() == 12 and not page.is_visible("#samples")
    shown = []
    for place in (0, 5):
        buttons.nth(place).click()
        page.wait_for_selector(f"#example-buttons button:nth-child({place + 1})[aria-pressed=true]")
        shown.append(check_result(page, gan))
        for key, values in given(page).items():
            expected = gan.examples[key][place].ravel()
            np.testing.assert_allclose(values, expected, atol=1e-6)
    assert np.abs(shown[0] - shown[1]).max() > 2


def test_a_drawing_changes_the_result_at_once(gans, visit):
    page = visit("colouring")
    first = check_result(page, gans["colouring"])
    page.get_by_role("button", name="Clear").click()
    blank = check_result(page, gans["colouring"])
    assert (given(page)["picture"] == 1).all()
    page.fill("input[aria-label=Size]", "3")
    stroke(page, "#input-picture", (0.2, 0.2), (0.8, 0.6))
    drawing = check_result(page, gans["colouring"])
    picture = given(page)["picture"].reshape(16, 16)
    assert picture.min() < -0.9 and picture[15, 0] == 1 and picture[0, 15] == 1
    assert np.abs(drawing - blank).max() > 5 and np.abs(first - drawing).max() > 5
    page.get_by_label("Eraser").check()
    page.fill("input[aria-label=Size]", "5")
    stroke(page, "#input-picture", (0.2, 0.2), (0.8, 0.6))
    assert given(page)["picture"].reshape(16, 16)[4:9, 4:12].min() > 0.5
    for expected in (drawing, blank, first):
        page.get_by_role("button", name="Undo").click()
        np.testing.assert_array_equal(check_result(page, gans["colouring"]), expected)


def test_a_pen_has_a_colour_where_pictures_have(gans, visit):
    page = visit("seeing")
    page.get_by_role("button", name="Clear").click()
    page.fill("input[type=color]", "#ff0000")
    page.fill("input[aria-label=Size]", "3")
    stroke(page, "#input-source", (0.1, 0.5), (0.9, 0.5))
    check_result(page, gans["seeing"])
    assert given(page)["source"].reshape(16, 24, 3)[8, 12].tolist() == [1, -1, -1]
    assert not visit("colouring").is_visible("input[type=color]")


@pytest.mark.parametrize("name", ["colouring", "seeing", "holes"])
def test_a_picture_can_be_dropped_or_chosen(gans, visit, name, tmp_path):
    gan, key = gans[name], next(iter(gans[name].signature.given))
    kind = gan.signature.given[key]
    page = visit(name)
    for place, channels in enumerate((3, 4)):
        image = photo((90, 170), channels, seed=place)
        image.save(tmp_path / "mine.png")
        if place:
            page.set_input_files("input[type=file]", tmp_path / "mine.png")
        else:
            drop(page, f"#input-{key}", {"mine.png": png(image)})
        page.wait_for_selector("#example-buttons:not(:has([aria-pressed=true]))")
        page.wait_for_timeout(200)
        check_result(page, gan)
        expected = from_uint8(data.read_pictures(tmp_path / "mine.png", kind.shape))[0]
        assert np.abs(given(page)[key] - expected.ravel()).mean() < 0.04
        page.locator("#example-buttons button").first.click()
        page.wait_for_selector("#example-buttons [aria-pressed=true]")
    before = given(page)[key]
    drop(page, f"#input-{key}", {"notes.txt": b"no picture"})
    page.wait_for_selector(".alert:not(:empty)")
    assert page.inner_text(".alert") == "This browser cannot read notes.txt as a picture."
    np.testing.assert_array_equal(given(page)[key], before)


def test_a_hole_is_painted_onto_the_picture(gans, visit):
    gan = gans["holes"]
    page = visit("holes")
    before = given(page)
    shown = pixels(page, "#input-picture")
    stroke(page, "#input-picture", (0.05, 0.9), (0.9, 0.9))
    result = check_result(page, gan)
    after = given(page)
    np.testing.assert_array_equal(after["picture"], before["picture"])
    hole, wider = (each["hole"].reshape(16, 16) for each in (before, after))
    assert set(np.unique(wider)) == {0, 1} and (wider >= hole).all() and wider[14, 2:14].all()
    assert (pixels(page, "#input-picture") != shown).any(axis=2)[14, 2:14].sum() > 8
    outside = wider == 0
    picture = to_uint8(after["picture"].reshape(16, 16, 3)).astype(int)
    assert np.abs(result[..., :3] - picture)[outside].max() <= 1
    page.get_by_label("Mend").check()
    stroke(page, "#input-picture", (0.0, 0.9), (1.0, 0.9))
    check_result(page, gan)
    assert not given(page)["hole"].reshape(16, 16)[14].any()
    page.get_by_role("button", name="Clear").click()
    check_result(page, gan)
    cleared = given(page)
    assert not cleared["hole"].any()
    np.testing.assert_array_equal(cleared["picture"], before["picture"])


def test_a_film_plays_and_goes_on(gans, visit):
    gan = gans["frames"]
    page = visit("frames")
    check_result(page, gan)
    seen = set()
    for _ in range(20):
        seen.add(pixels(page, "#input-frames").tobytes())
        page.wait_for_timeout(100)
    assert len(seen) == 3
    film = given(page)["frames"].reshape(3, 16, 16, 1)
    assert page.inner_text("#result-title") == "Next frame"
    page.click("#play-on")
    page.wait_for_selector("#result-strip canvas:nth-child(15)")
    drawn(page)
    frames = list(film)
    for _ in range(12):
        frames.append(gan.generate(tf.constant(np.stack(frames[-3:])[None])).numpy()[0])
    for place in (0, 2, 3, 8, 14):
        canvas = pixels(page, f"#result-strip canvas:nth-child({place + 1})")[..., :1].astype(int)
        assert np.abs(canvas - to_uint8(frames[place])).max() <= 1
    assert page.locator("#result-strip .made").count() == 12
    assert page.inner_text("#result-status") == "15 frames, of which 3 were given"
    page.click("#play-on")  # which now says "Stop"
    check_result(page, gan)
    assert page.locator("#result-strip canvas").count() == 0


def test_frames_can_be_dropped_in_the_order_of_their_names(gans, visit):
    page = visit("frames")
    frames = np.random.default_rng(5).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    drop(page, "#input-frames", {f"f{place}.png": png(each) for place, each in enumerate(frames)})
    page.wait_for_selector("#example-buttons:not(:has([aria-pressed=true]))")
    page.wait_for_timeout(200)
    check_result(page, gans["frames"])
    film = given(page)["frames"].reshape(3, 16, 16)
    np.testing.assert_allclose(film, from_uint8(frames[-3:]), atol=1e-6)
    drop(page, "#input-frames", {"one.png": png(frames[0])})
    page.wait_for_selector(".alert:not(:empty)")
    assert "A film has 3 frames" in page.inner_text(".alert")


def test_the_result_can_be_kept_as_png(gans, visit, tmp_path):
    for name, width in (("colouring", 16), ("frames", 16 * 15)):
        page = visit(name)
        if name == "frames":
            page.click("#play-on")
            page.wait_for_selector("#result-strip canvas:nth-child(15)")
        drawn(page)
        with page.expect_download() as kept:
            page.click("#download-result")
        assert kept.value.suggested_filename == f"{name}.png"
        kept.value.save_as(tmp_path / "result.png")
        with Image.open(tmp_path / "result.png") as image:
            assert image.size == (width, 16)
            if name == "colouring":
                shown = pixels(page, "#result")[..., :3]
                np.testing.assert_array_equal(np.asarray(image.convert("RGB")), shown)


def test_without_examples_one_starts_from_white_paper(gans, visit):
    page = visit("blank")
    assert not page.is_visible("#examples")
    check_result(page, gans["blank"])
    assert (given(page)["picture"] == 1).all()


def test_a_model_with_latents_besides_follows_the_seed(gans, visit):
    page = visit("noisy")
    first = check_result(page, gans["noisy"])
    page.fill("#seed", "7")
    second = check_result(page, gans["noisy"], seed=7)
    assert np.abs(first - second).max() > 2
    assert not visit("colouring").is_visible("#seed")


def test_one_page_offers_models_of_latents_and_of_pictures(gans, visit):
    page = visit("colouring")
    for _ in range(2):
        choose_model(page, "latents")
        assert page.is_visible("#samples") and page.is_visible("#walk-card")
        assert not page.is_visible("#studio") and page.locator(".tile").count() == 64
        choose_model(page, "frames")
        assert page.is_visible("#studio") and not page.is_visible("#samples")
        choose_model(page, "holes")
        check_result(page, gans["holes"])
    for name in ("frames", "latents", "colouring", "holes", "colouring"):  # without waiting
        page.select_option("#model", name)
    page.wait_for_timeout(300)
    check_result(page, gans["colouring"])


def test_an_example_that_cannot_be_fetched_is_reported(visit):
    page = visit("colouring")
    page.route("**/picture-03.png", lambda route: route.fulfill(status=404, body=""))
    choose_model(page, "holes")
    choose_model(page, "colouring")
    page.locator("#example-buttons button").nth(3).click()
    page.wait_for_selector("#problem:not([hidden])")
    assert "picture-03.png: 404" in page.inner_text("#problem")
    visit.wrong.clear()  # the browser's own words on 404


@pytest.mark.parametrize("width", [360, 390, 768])
def test_a_small_screen_needs_no_scrolling_sideways_and_takes_fingers(gans, visit, width):
    page = visit("colouring", viewport={"width": width, "height": 740}, has_touch=True)
    for name in NAMES:
        choose_model(page, name)
        if name == "frames":
            page.click("#play-on")
            page.wait_for_selector("#result-strip canvas:nth-child(15)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => [...document.querySelectorAll("#studio button, #studio .chip, #studio .button")]
          .filter((it) => it.offsetParent && it.getBoundingClientRect().height < 24)
          .map((it) => it.outerHTML)"""
    )
    assert small == []
    choose_model(page, "colouring")
    before = given(page)["picture"]
    page.tap("#input-picture")
    page.wait_for_timeout(100)
    check_result(page, gans["colouring"])
    assert (given(page)["picture"] != before).any()


def test_everything_has_a_name_for_screen_readers(visit):
    for name in NAMES:
        page = visit(name)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll(
                "#studio button, #studio input, #studio canvas[role]"
              )]
              .filter((it) => !(it.labels?.length || it.ariaLabel || it.innerText?.trim()))
              .map((it) => it.outerHTML)"""
        )
        assert nameless == []
