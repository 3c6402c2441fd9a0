"""Takes the documentation's pictures of the page, with the zoo's entries, as a visitor uses it.

    python tools/page_pictures.py docs/assets

It draws a face with the pen, paints a hole, lets a film go on and types a text, in Debian's
Chromium. Entries that are not there are left out.
"""

import math
import runpy
import sys
import tempfile
from pathlib import Path

from kerasgan import export, zoo

ROOT = Path(__file__).resolve().parents[1]
SIZE = {"width": 1100, "height": 1000}
WAIT, DRAWN = 30_000, 2_000  # milliseconds
FILM = 4  # of those to start from: one whose garments do not fade at once


def circle(x, y, radius, start=0.0, end=1.0, points=24):
    """Returns places on a part of a circle; all are from 0 to 1 of a board's sides."""
    angles = (2 * math.pi * (start + (end - start) * i / points) for i in range(points + 1))
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


FACE = (
    circle(0.5, 0.5, 0.36),
    circle(0.37, 0.42, 0.03),
    circle(0.63, 0.42, 0.03),
    circle(0.5, 0.55, 0.17, 0.05, 0.45),
)
HOLE = [(x, y) for y in (0.5, 0.56, 0.62) for x in (0.35, 0.65)]


def stroke(page, board, places):
    """Moves the pressed pen over a board."""
    box = page.locator(board).bounding_box()
    for number, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def draw_face(page):
    page.get_by_role("button", name="Clear").click()
    page.fill("input[aria-label=Size]", "1")
    for places in FACE:
        stroke(page, "#input-source", places)
    page.wait_for_timeout(DRAWN)


def paint_hole(page):
    page.get_by_role("button", name="Clear").click()
    stroke(page, "#input-picture", HOLE)
    page.wait_for_timeout(DRAWN)


def play_on(page):
    page.locator("#examples button").nth(FILM).click()
    page.wait_for_timeout(DRAWN)
    page.click("#play-on")
    page.wait_for_selector("#result-strip canvas:nth-child(8)", timeout=WAIT)
    page.wait_for_function("document.querySelector('#result-strip canvas:nth-child(6).on')")


def type_text(page):
    page.fill("#text", "smiling cat")
    page.keyboard.press("Enter")
    page.wait_for_timeout(DRAWN)


ENTRIES = {
    "pix2pix_openmoji": draw_face,
    "srgan_noto_emoji": None,
    "context_encoder_fashion_mnist": paint_hole,
    "next_frame_moving_fashion_mnist": play_on,
    "text_to_image_noto_emoji": type_text,
    "wavegan_drum_hits": None,
}


def main(folder):
    tool = runpy.run_path(str(ROOT / "export" / "browser_screenshot.py"))
    names = [name for name in ENTRIES if name in zoo.names()]
    with tempfile.TemporaryDirectory() as made:
        site = Path(made, "site")
        export.browser({name: zoo.load(name) for name in names}, site)
        with tool["serving"](site) as url, tool["chromium"]() as browser:
            for name in names:
                page = browser.new_page(viewport=SIZE)
                page.goto(url)
                page.wait_for_function("kerasgan.models !== undefined")
                page.select_option("#model", name)
                page.wait_for_selector(f'#app[data-model="{name}"]')
                tool["wait_until_drawn"](page)
                if ENTRIES[name]:
                    ENTRIES[name](page)
                page.screenshot(path=folder / f"page_{name.split('_')[0]}.png")
                page.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
