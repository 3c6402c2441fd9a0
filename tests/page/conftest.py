"""Fixtures for the page in Chromium. Its tests need Playwright and npm: `make test-export`."""

import contextlib

import keras
import pytest
from chromium_page import LOUD, SCREENSHOT, all_models, choose_model, stir

from kerasgan import DCGAN, ConditionalGAN, export

NAMES = ["Smileys & Emotion", "People & Body", "Flags"]


@pytest.fixture(scope="module")
def gans():
    """The models of the site: all of latents, and one of wide colour images."""
    keras.utils.set_random_seed(1)
    wide = stir(DCGAN((8, 16, 3), width=8))
    named = stir(ConditionalGAN((8, 8, 1), 3, width=60, class_names=NAMES))
    return {**all_models(), "named": named, "wide": wide}


@pytest.fixture(scope="module")
def served(gans, tmp_path_factory):
    """A site with the models, served below a path."""
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
    """Returns a function that opens the page; any error or warning of the page fails the test."""
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
