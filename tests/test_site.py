"""The documentation site, in Chromium, and the notebook. `make test-export` runs these."""

import json
import pathlib
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = pathlib.Path(__file__).parents[1]
BROWSER = runpy.run_path(str(ROOT / "export" / "browser_screenshot.py"))
NOTEBOOK = runpy.run_path(str(ROOT / "tools" / "make_notebook.py"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built strictly."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def chromium():
    pytest.importorskip("playwright")
    with BROWSER["chromium"]() as browser:
        yield browser


def pages_of(site):
    return sorted(path.relative_to(site).as_posix() for path in site.glob("**/*.html"))


@pytest.mark.export
def test_every_page_loads_without_errors_and_without_other_hosts(site, chromium):
    wrong, asked = [], set()
    with BROWSER["serving"](site) as url:
        page = chromium.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.add(request.url))
        page.on("response", lambda got: wrong.append(got.url) if got.status >= 400 else None)
        for name in pages_of(site):
            page.goto(url + name)
            assert page.inner_text("h1"), name
    assert wrong == []
    assert [each for each in asked if not each.startswith((url, "data:", "blob:"))] == []


@pytest.mark.export
@pytest.mark.parametrize("served", [True, False])
def test_search_finds_the_gradient_penalty(site, chromium, served):
    page = chromium.new_page()
    with BROWSER["serving"](site) as url:
        page.goto(url if served else (site / "index.html").as_uri())
        page.fill(".md-search__input", "gradient penalty")
        page.wait_for_selector(".md-search-result__item", timeout=60_000)
        found = page.inner_text(".md-search-result__list")
    assert "gradient_penalty" in found and "norm 1" in found


@pytest.mark.export
def test_each_model_has_a_page_with_drawings(site):
    from kerasgan import models

    for name in models.names():
        html = (site / "models" / f"{name}.html").read_text(encoding="utf-8")
        drawings = re.findall(r'<svg class="network".*?</svg>', html, re.DOTALL)
        assert len(drawings) >= 2, name
        for drawing in drawings:
            assert len(ElementTree.fromstring(drawing).findall("text")) > 2, name


@pytest.mark.export
@pytest.mark.parametrize("wide", [True, False])
def test_no_page_is_wider_than_the_screen(site, chromium, wide):
    size = {"width": 1280, "height": 900} if wide else {"width": 390, "height": 844}
    page = chromium.new_page(viewport=size)
    with BROWSER["serving"](site) as url:
        for name in pages_of(site):
            page.goto(url + name)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], name


def test_the_notebook_is_the_first_guide():
    text = NOTEBOOK["GUIDE"].read_text(encoding="utf-8")
    made = json.loads(NOTEBOOK["NOTEBOOK"].read_text(encoding="utf-8"))
    assert NOTEBOOK["sources"](made) == NOTEBOOK["cells"](text)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    pytest.importorskip("nbclient")
    text = NOTEBOOK["GUIDE"].read_text(encoding="utf-8")
    quick = text.replace("[:1200]", "[:48]").replace(
        "--steps 2500", "--steps 2 --set evaluation.num=8 --set model.width=8"
    )
    made = NOTEBOOK["executed"](NOTEBOOK["notebook"](quick), tmp_path)
    assert any(
        "image/png" in each.get("data", {}) for c in made.cells for each in c.get("outputs", [])
    )
