"""The page's box of words: the pictures that Keras draws of them, and what it says to nonsense."""

import keras
import numpy as np
import pytest
from chromium_page import SCREENSHOT, choose_model, drawn, stir, tile, whole_grid

from kerasgan import DCGAN, TextToImage, export
from kerasgan.signature import TextEncoder
from kerasgan.utils.pixels import to_uint8

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    keras.utils.set_random_seed(1)
    table = np.random.default_rng(0).integers(-127, 128, (256, 16)).astype("int8")
    gans = {
        "plain": stir(DCGAN((8, 8, 3), width=8)),
        "words": stir(TextToImage((16, 16, 3), width=8, encoder=TextEncoder(table))),
    }
    root = tmp_path_factory.mktemp("served")
    export.browser(gans, root / "site")
    with SCREENSHOT["serving"](root) as url:
        yield gans, url + "site/", root / "site"


def test_the_grid_shows_the_text_that_is_typed(served, visit):
    gan = served[0]["words"]
    page = visit("words")
    pictures = []
    for text in ("smiling cat", "кошка, Red Heart!"):
        page.get_by_label("Words", exact=True).fill(text)
        drawn(page)
        expected = to_uint8(gan.sample(64, text=text, seed=0))
        assert np.ptp(expected) > 50
        for place in (0, 1, 40):
            shown = tile(page, place + 1)[..., :3].astype(int)
            assert np.abs(shown - expected[place]).max() <= 1
        pictures.append(whole_grid(page))
    assert pictures[0] != pictures[1]


def test_nonsense_is_answered_and_the_grid_stays(served, visit):
    page = visit("words")
    before = whole_grid(page)
    box = page.get_by_label("Words", exact=True)
    for text, answer in (("", "Some words, please."), ("?!", "Some words, please.")):
        box.fill(text)
        assert page.inner_text("#text-note") == answer
        assert box.get_attribute("aria-invalid") == "true"
    box.fill("я" * 200)
    assert page.inner_text("#text-note") == "At most 256 bytes, please: these are 400."
    assert whole_grid(page) == before
    box.fill("smiling cat")
    drawn(page)
    assert page.inner_text("#text-note") == "" and whole_grid(page) == before


def test_a_text_that_cannot_be_drawn_is_not_kept_for_the_next_visit(served, visit):
    page = visit("words")
    page.get_by_label("Words", exact=True).fill("smiling cat")
    drawn(page)
    before = whole_grid(page)
    for wrong in ("", "я" * 200):
        page.get_by_label("Words", exact=True).fill(wrong)
        choose_model(page, "plain")
        choose_model(page, "words")
        assert whole_grid(page) == before


def test_only_models_of_texts_have_the_box(served, visit):
    page = visit("plain")
    assert not page.is_visible("#text")
    page.select_option("#model", "words")
    drawn(page)
    assert page.is_visible("#text")
    page.select_option("#model", "plain")
    drawn(page)
    assert not page.is_visible("#text")
