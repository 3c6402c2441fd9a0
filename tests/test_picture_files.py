"""`kerasgan sample --input`: pictures from picture files."""

import sys

import numpy as np
import pytest
from foreign.frames import Prediction
from foreign.holes import Completion
from foreign.pictures import Colouring
from PIL import Image

from kerasgan import DCGAN, cli, data
from kerasgan.signature import Film, Mask
from kerasgan.utils.errors import UserError
from kerasgan.utils.pixels import to_uint8
from kerasgan.viz import results

RNG = np.random.default_rng(0)


def write(path, sides=(16, 16), channels=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (*sides, channels), dtype=np.uint8)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(path)
    return pixels


def read(path):
    with Image.open(path) as image:
        values = np.asarray(image)
    return values.reshape(*values.shape[:2], -1)


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(each) for each in arguments])
    return stop.value.code


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Models in files, two of which keep examples of their inputs."""
    folder = tmp_path_factory.mktemp("models")
    gans = {"colour": Colouring(), "holes": Completion(), "frames": Prediction()}
    gans["latents"] = DCGAN((8, 8, 1), width=4)
    for name in ("holes", "frames"):
        for key, kind in gans[name].signature.given.items():
            gans[name].examples[key] = kind.check(kind.random(RNG, 5), key)
    for name, gan in gans.items():
        gan.save(folder / f"{name}.keras")
    return gans, folder


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, one of which lies deeper."""
    for name in ("b.png", "a.jpg", "sub/c.png"):
        write(tmp_path / "photos" / name, (20, 30))
    return tmp_path / "photos"


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_becomes_a_folder_with_the_same_names(saved, photos, tmp_path, capsys):
    gans, models = saved
    out = tmp_path / "out"
    command = ("sample", models / "colour.keras", "--input", photos, "--output", out)
    assert run(*command) == 0
    assert capsys.readouterr().out.endswith(f"3 pictures: {out}\n")
    assert names_in(out) == ["a.png", "b.png", "sub/c.png"]
    expected = to_uint8(gans["colour"].sample(picture=photos))  # in the order of the names
    for name, picture in zip(names_in(out), expected, strict=True):
        np.testing.assert_array_equal(read(out / name), picture)
    assert not list(tmp_path.glob(".*"))


def test_existing_files_are_protected_and_others_stay(saved, photos, tmp_path, capsys):
    out = tmp_path / "out"
    write(out / "b.png", (4, 4))
    write(out / "mine.png", (4, 4))
    command = ("sample", saved[1] / "colour.keras", "--input", photos, "--output", out)
    assert run(*command) == 2
    assert "b.png exists: pass --overwrite to replace it" in capsys.readouterr().err
    assert names_in(out) == ["b.png", "mine.png"] and read(out / "b.png").shape[0] == 4
    assert run(*command, "--overwrite") == 0
    assert names_in(out) == ["a.png", "b.png", "mine.png", "sub/c.png"]
    assert read(out / "b.png").shape[0] == 16 and read(out / "mine.png").shape[0] == 4


def test_pictures_that_are_read_are_never_replaced(saved, photos, capsys):
    before = read(photos / "b.png")
    command = ("sample", saved[1] / "colour.keras", "--input", photos, "--output", photos)
    assert run(*command, "--overwrite") == 2
    assert "b.png is one of the pictures to read" in capsys.readouterr().err
    np.testing.assert_array_equal(read(photos / "b.png"), before)


def test_a_failure_leaves_nothing_behind(saved, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(results, "AT_ONCE", 1)
    (photos / "z.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    command = ("sample", saved[1] / "colour.keras", "--input", photos, "--output", out)
    assert run(*command) == 2
    error = capsys.readouterr().err
    assert "Cannot read 1 of" in error and "z.png" in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_a_picture_named_as_output_shows_inputs_beside_results(saved, photos, tmp_path, capsys):
    gans, models = saved
    out = tmp_path / "grid.png"
    command = ("sample", models / "colour.keras", "--input", photos, "--output", out, "--zoom", 1)
    assert run(*command) == 0
    assert "3 samples" in capsys.readouterr().out
    grid = read(out)
    expected = to_uint8(gans["colour"].sample(picture=photos))
    small = data.read_pictures(photos, (16, 16, 1))
    np.testing.assert_array_equal(grid[:16, :16], np.repeat(small[0], 3, axis=2))
    np.testing.assert_array_equal(grid[:16, 18:34], expected[0])


def test_several_inputs_are_named_and_a_single_one_serves_all(saved, photos, tmp_path):
    gans, models = saved
    write(tmp_path / "hole.png", channels=1)
    command = ("sample", models / "holes.keras", "--output", tmp_path / "out")
    command += ("--input", f"picture={photos}", "--input", f"hole={tmp_path / 'hole.png'}")
    assert run(*command) == 0
    hole = data.read_values(Mask((16, 16)), tmp_path / "hole.png")
    assert 0 < hole.mean() < 1
    expected = gans["holes"].sample(picture=photos, hole=np.repeat(hole, 3, axis=0))
    made = np.stack([read(tmp_path / "out" / name) for name in names_in(tmp_path / "out")])
    np.testing.assert_array_equal(made, to_uint8(expected))


def test_an_input_that_is_left_out_is_taken_from_the_kept_examples(saved, photos, tmp_path):
    gans, models = saved
    command = ("sample", models / "holes.keras", "--input", f"picture={photos}")
    assert run(*command, "--output", tmp_path / "out") == 0
    expected = gans["holes"].sample(picture=photos)
    made = np.stack([read(tmp_path / "out" / name) for name in names_in(tmp_path / "out")])
    np.testing.assert_array_equal(made, to_uint8(expected))
    assert run("sample", models / "holes.keras", "--output", tmp_path / "kept") == 0
    assert names_in(tmp_path / "kept") == [f"{place:04}.png" for place in range(5)]


def test_a_film_is_a_folder_of_frames(saved, tmp_path):
    gans, models = saved
    for film in ("one", "two"):
        for place in range(3):
            write(tmp_path / "films" / film / f"{place}.png", channels=1)
    for path, names in (("films/one", ["one.png"]), ("films", ["one.png", "two.png"])):
        out = tmp_path / f"out{len(names)}"
        command = ("sample", models / "frames.keras", "--input", f"frames={tmp_path / path}")
        assert run(*command, "--output", out) == 0
        assert names_in(out) == names
        expected = to_uint8(gans["frames"].sample(frames=tmp_path / path))
        made = np.stack([read(out / name) for name in names])
        np.testing.assert_array_equal(made, expected)
    frames = sorted((tmp_path / "films" / "one").iterdir())
    kind = Film((3, 16, 16, 1))
    one = data.read_values(kind, tmp_path / "films" / "one")
    np.testing.assert_array_equal(data.read_values(kind, frames), one)


@pytest.mark.parametrize(
    "model, arguments, message",
    [
        ("colour", ["--input", "nowhere"], "No such file or folder"),
        ("colour", ["--input", "photo=photos"], "takes `picture`. Received: --input photo=..."),
        ("colour", ["--input", "photos", "--input", "photos"], "names picture twice"),
        ("colour", [], "takes `picture`, and keeps no examples of it: pass --input picture=PATH"),
        ("latents", ["--input", "photos"], "takes no pictures, but `z`: leave out --input"),
        ("latents", [], "Pictures are written as .png"),
        ("holes", ["--input", "photos"], "--input needs a name, picture=PATH, hole=PATH"),
        (
            "holes",
            ["--input", "picture=photos", "--input", "hole=two"],
            "as many pictures each time. Received: 3 of `picture`, 2 of `hole`",
        ),
        ("frames", ["--input", "photos"], "A film consists of 3 frames"),
        ("colour", ["--input", "same"], "a.jpg and a.png both become a.png: rename one"),
        ("colour", ["--input", "photos", "--label", "1"], "Labels and truncation are for grids"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    saved, photos, tmp_path, monkeypatch, capsys, model, arguments, message
):
    monkeypatch.chdir(tmp_path)
    for name in ("two/a.png", "two/b.png", "same/a.png", "same/a.jpg"):
        write(tmp_path / name)
    before = names_in(tmp_path)
    assert run("sample", saved[1] / f"{model}.keras", "--output", "out", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert names_in(tmp_path) == before and not (tmp_path / "out").exists()


@pytest.mark.parametrize("patience", [0.0, 1e9])
def test_work_of_more_than_two_seconds_shows_how_far_it_is(
    saved, photos, tmp_path, monkeypatch, capsys, patience
):
    assert results.PATIENCE == 2.0
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(results, "PATIENCE", patience)
    monkeypatch.setattr(results, "AT_ONCE", 1)
    command = ("sample", saved[1] / "colour.keras", "--input", photos)
    assert run(*command, "--output", tmp_path / "out") == 0
    assert ("3/3" in capsys.readouterr().out) == (patience == 0.0)


def test_results_and_inputs_are_read_in_parts(saved, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "AT_ONCE", 2)
    gans, _ = saved
    inputs = results.Inputs(gans["colour"], {"picture": photos}, num=3)
    written = results.write_results(gans["colour"], inputs, tmp_path / "out")
    expected = to_uint8(gans["colour"].sample(picture=photos))
    np.testing.assert_array_equal(np.stack([read(path) for path in written]), expected)
    with pytest.raises(UserError, match="Received: --input photo=..."):
        results.Inputs(gans["colour"], {"photo": photos})
