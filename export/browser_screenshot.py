"""Take a picture of a site that `kerasgan export --format browser` wrote.

    python export/browser_screenshot.py SITE PICTURE.png

It opens the page in a headless Chromium (`apt-get install chromium`), driven by Playwright
(`pip install kerasgan[runtimes]`).
"""

import contextlib
import functools
import http.server
import os
import shutil
import threading
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import cli
from kerasgan.utils.errors import UserError


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(folder):
    """Serves a folder on a free port of this machine and yields its URL."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def chromium():
    """Yields Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        raise UserError("There is no Chromium on this machine: apt-get install chromium.")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def wait_until_drawn(page):
    """Waits until the page reports that grid and walk, the result, or the pads are complete."""
    page.wait_for_selector("#app[data-model]")
    if page.is_visible("#studio"):
        page.wait_for_selector("#studio[aria-busy=false]")
        return
    if page.is_visible("#pads"):
        page.wait_for_selector("#pads[aria-busy=false]")
        return
    page.wait_for_selector("#grid[aria-busy=false] .tile")
    page.wait_for_selector("#walk-card[aria-busy=false]")


def main(
    site: Annotated[Path, typer.Argument(help="Folder of the site.")],
    picture: Annotated[Path, typer.Argument(help="PNG file to write.")],
    model: Annotated[str | None, typer.Option(help="Model to show; default: the first.")] = None,
    width: Annotated[int, typer.Option(min=320, help="Width of the window.")] = 1200,
    height: Annotated[int, typer.Option(min=320, help="Height of the window.")] = 800,
    dark: Annotated[bool, typer.Option("--dark", help="Use the dark colours.")] = False,
):
    """Take a picture of a page."""
    if not (site / "models.json").is_file():
        raise UserError(f"{site} is no site: `kerasgan export --format browser` writes one.")
    with serving(site) as url, chromium() as browser:
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        page.goto(url)
        if model is not None:
            page.select_option("#model", model)
        wait_until_drawn(page)
        page.screenshot(path=picture)
    print(f"Written: {picture}")


if __name__ == "__main__":
    cli.run(main)
