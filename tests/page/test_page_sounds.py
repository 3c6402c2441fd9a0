"""The page's pads: the sounds that Keras makes, played by pointer and keyboard, and saved."""

import io
import wave

import keras
import numpy as np
import pytest
from chromium_page import SCREENSHOT, choose_model, stir

from kerasgan import DCGAN, WaveGAN, export
from kerasgan.utils.sounds import to_int16

pytestmark = pytest.mark.export
RATE = 8000
# Notes what the page plays: the samples and rates of all buffers that were started.
NOTE = """
window.played = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...given) {
  window.played.push([this.buffer.sampleRate, [...this.buffer.getChannelData(0)]]);
  return start.apply(this, given);
};
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    keras.utils.set_random_seed(1)
    gans = {
        "hits": stir(WaveGAN(length=4096, rate=RATE, width=2)),
        "plain": stir(DCGAN((8, 8, 3), width=8)),
    }
    root = tmp_path_factory.mktemp("served")
    export.browser(gans, root / "site")
    with SCREENSHOT["serving"](root) as url:
        yield gans, url + "site/", root / "site"


def sounds(page):
    return np.array(page.evaluate("kerasgan.sounds().map((each) => [...each])"), "float32")


def played(page):
    return page.evaluate("window.played")


def test_the_pads_play_what_keras_makes_of_the_seed(served, visit):
    page = visit("hits", script=NOTE)
    expected = served[0]["hits"].sample(16, seed=0)[..., 0]
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(sounds(page), expected, atol=5e-5)
    pads = page.locator(".pad")
    assert pads.count() == 16 and not page.is_visible("#grid") and not page.is_visible("#walk")
    pads.nth(6).click()
    page.keyboard.press("z")
    pads.nth(2).focus()
    page.keyboard.press("Enter")
    for (rate, values), place in zip(played(page), (6, 12, 2), strict=True):
        assert rate == RATE
        np.testing.assert_allclose(values, expected[place], atol=5e-5)


def test_a_pad_shows_its_waveform_and_that_it_plays(visit):
    page = visit("hits")
    paths = page.eval_on_selector_all(".pad path", "all => all.map(p => p.getAttribute('d'))")
    assert len(set(paths)) == 16 and all(path.startswith("M0.5 ") for path in paths)
    page.locator(".pad").first.focus()
    page.keyboard.press("q")
    page.wait_for_selector(".pad.playing:nth-child(5)")
    page.wait_for_selector(".pad.playing", state="detached")  # half a second later


def test_new_sounds_fill_the_pads(visit):
    page = visit("hits")
    before = sounds(page)
    page.get_by_role("button", name="New sounds").click()
    page.wait_for_selector("#pads[aria-busy=false]")
    assert page.input_value("#seed") != "0"
    assert np.abs(sounds(page) - before).max() > 0.01


def test_the_sound_that_was_played_last_can_be_saved(served, visit):
    page = visit("hits")
    page.get_by_label("Sound 3, key 3").click()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download sound 3").click()
    assert kept.value.suggested_filename == "hits-seed-0-sound-3.wav"
    with wave.open(io.BytesIO(kept.value.path().read_bytes())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        values = np.frombuffer(file.readframes(4096), "<i2")
    expected = to_int16(served[0]["hits"].sample(3, seed=0)[2, :, 0])
    assert np.abs(values.astype(int) - expected).max() <= 2


def test_keys_that_are_typed_into_a_field_play_nothing(visit):
    page = visit("hits", script=NOTE)
    page.fill("#seed", "")
    page.type("#seed", "12")
    page.wait_for_selector("#pads[aria-busy=false]")
    page.keyboard.press("Control+a")
    assert played(page) == []


def test_arrow_keys_move_between_pads(visit):
    page = visit("hits")
    assert page.eval_on_selector_all(".pad", "all => all.filter(p => p.tabIndex === 0).length") == 1
    page.locator(".pad").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Sound 6, key W"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is no row above
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Sound 2, key 2"


def test_pads_fit_a_phone_and_give_way_to_a_grid_of_images(visit):
    page = visit("hits", viewport={"width": 360, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = [page.locator(".pad").nth(place).bounding_box() for place in (0, 15)]
    assert boxes[0]["width"] >= 60 and boxes[0]["height"] >= 60
    assert "0.51 s at 8 kHz" in page.inner_text("#facts")
    choose_model(page, "plain")
    assert not page.is_visible("#pads") and page.is_visible("#grid")
    page.keyboard.press("q")  # plays nothing, and is no error
