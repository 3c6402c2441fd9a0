"""Folders of images: classes, splits, formats, opacity, damage."""

import numpy as np
import pytest
from PIL import Image

from kerasgan import data
from kerasgan.signature import Label
from kerasgan.utils.errors import UserError


def save(path, level, size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level,) * len(mode)).save(path)


def test_folder_without_splits_tests_on_every_tenth_image(tmp_path):
    for i in range(20):
        save(tmp_path / f"{i:02}.png", i)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._00.png").write_text("not an image either")
    train, labels = data.load_arrays(tmp_path)
    test, _ = data.load_arrays(str(tmp_path), "test")
    assert labels is None and train.shape == (18, 8, 8, 3)
    assert test[:, 0, 0, 0].tolist() == [9, 19]
    assert len(data.load_arrays(tmp_path, "all")[0]) == 20
    with pytest.raises(UserError, match="needs a dataset with class labels"):
        data.load(tmp_path, labels=True)


def test_folder_of_class_folders_gives_labels_in_sorted_order(tmp_path):
    save(tmp_path / "dogs" / "a.jpg", 0)
    save(tmp_path / "cats" / "b.webp", 0)
    save(tmp_path / "cats" / "deeper" / "c.BMP", 0)
    assert data.load_arrays(tmp_path)[1].tolist() == [0, 0, 1]


def test_folder_with_split_folders_uses_them_and_their_classes_agree(tmp_path):
    save(tmp_path / "train" / "ants" / "a.png", 1)
    save(tmp_path / "train" / "bees" / "b.png", 2)
    save(tmp_path / "test" / "bees" / "c.png", 3)
    assert data.load_arrays(tmp_path, "train")[1].tolist() == [0, 1]
    source = data.load_source(tmp_path, "test")
    assert source.parts["image"][0, 0, 0, 0] == 3 and source.parts["label"].tolist() == [1]
    assert source.class_names == ["ants", "bees"]
    assert source.spec["label"] == Label(2, ["ants", "bees"])
    with pytest.raises(UserError, match='no split "dev": .* all, test, train'):
        data.load_arrays(tmp_path, "dev")
    save(tmp_path / "elsewhere" / "d.png", 4)
    with pytest.warns(UserWarning, match="left out 1 images outside of test, train"):
        assert len(data.load_arrays(tmp_path, "all")[0]) == 3


@pytest.mark.parametrize("name", ["test", "val", "valid", "validation"])
def test_the_split_beside_train_is_found_under_every_name(tmp_path, name):
    save(tmp_path / "train" / "a.png", 1)
    save(tmp_path / name / "b.png", 2)
    for asked in ("test", "val", "valid", "validation"):
        assert data.load_arrays(tmp_path, asked)[0][0, 0, 0, 0] == 2
    assert data.load_arrays(tmp_path, "train")[0][0, 0, 0, 0] == 1


def test_a_class_may_be_called_train(tmp_path):
    for name in ("car", "plane", "train"):
        save(tmp_path / name / "a.png", 1)
    assert data.load_source(tmp_path, "all").class_names == ["car", "plane", "train"]


def test_a_train_folder_alone_gives_every_tenth_image_to_the_test(tmp_path):
    for i in range(20):
        save(tmp_path / "train" / f"{i:02}.png", i)
    assert data.load_arrays(tmp_path, "test")[0][:, 0, 0, 0].tolist() == [9, 19]
    assert len(data.load_arrays(tmp_path, "train")[0]) == 18


def test_folder_is_grey_only_if_all_its_images_are(tmp_path):
    save(tmp_path / "0.png", 7, mode="L")
    grey, _ = data.load_arrays(tmp_path)
    np.testing.assert_array_equal(grey, np.full((1, 8, 8, 1), 7))
    save(tmp_path / "1.png", 9)
    colour, _ = data.load_arrays(tmp_path)
    assert colour.shape == (2, 8, 8, 3) and colour[:, 0, 0].tolist() == [[7] * 3, [9] * 3]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_deep_grey_is_scaled_by_the_range_of_the_set(tmp_path, bits):
    top = 2**bits - 1
    for i, level in enumerate((0, top // 2, top)):
        Image.fromarray(np.full((8, 8), level, np.uint16)).save(tmp_path / f"{i}.png")
    with pytest.warns(UserWarning, match=f"levels up to {top}; {top} is taken as white"):
        pixels, _ = data.load_arrays(tmp_path, "all")
    assert pixels[:, 0, 0, 0].tolist() == [0, 127, 255]


def test_sixteen_bits_of_grey_are_scaled_without_a_word(tmp_path):
    for i, level in enumerate((0, 32768, 65535)):
        Image.fromarray(np.full((8, 8), level, np.uint16)).save(tmp_path / f"{i}.png")
    assert data.load_arrays(tmp_path, "all")[0][:, 0, 0, 0].tolist() == [0, 128, 255]


def test_hidden_colours_are_not_shown(tmp_path):
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "0.png")
    Image.new("RGBA", (8, 8), (255, 0, 0, 255)).save(tmp_path / "1.png")
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0] * 256)
    palette.save(tmp_path / "2.png", transparency=0)
    white, red, blue = [255] * 3, [255, 0, 0], [0, 0, 255]
    assert data.load_arrays(tmp_path, "all")[0][:, 0, 0].tolist() == [white, red, white]
    shown, _ = data.load_arrays(tmp_path, "all", background="#0000ff")
    assert shown[:, 0, 0].tolist() == [blue, red, blue]
    kept, _ = data.load_arrays(tmp_path, "all", transparent=True)
    assert kept.shape == (3, 8, 8, 4) and kept[:, 0, 0, 3].tolist() == [0, 255, 0]
    with pytest.raises(UserError, match="a colour such as \"white\".* Received: 'whyte'"):
        data.load_arrays(tmp_path, background="whyte")


def test_colours_of_transparent_pictures_count_as_much_as_they_are_opaque(tmp_path):
    half = np.zeros((16, 16, 4), np.uint8)
    half[:, :8] = (255, 0, 0, 255)
    half[:, 8:] = (0, 255, 0, 0)  # green that nobody sees
    Image.fromarray(half).save(tmp_path / "0.png")
    (picture,), _ = data.load_arrays(tmp_path, "all", image_size=4, transparent=True)
    assert picture[..., 1].max() == 0 and picture[0, :, 3].tolist()[0] == 255


@pytest.mark.parametrize("suffix", ["gif", "tiff", "bmp", "webp", "ppm", "tga", "ico", "jp2"])
def test_every_format_of_pillow_is_read(tmp_path, suffix):
    save(tmp_path / f"0.{suffix}", 200, size=(16, 16))
    save(tmp_path / "1.PNG", 200, size=(16, 16))
    pixels, _ = data.load_arrays(tmp_path, "all")
    assert pixels.shape == (2, 16, 16, 3) and abs(int(pixels[0, 8, 8, 0]) - 200) < 3


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("RGB", (8, 8), (level,) * 3) for level in (10, 200)]
    frames[0].save(tmp_path / "0.gif", save_all=True, append_images=frames[1:])
    assert data.load_arrays(tmp_path, "all")[0][0, 0, 0].tolist() == [10] * 3


def test_what_pillow_does_not_read_is_counted(tmp_path):
    save(tmp_path / "0.png", 1)
    for name in ("a.heic", "b.HEIC", "c.mov", "notes.txt", ".hidden.heic"):
        (tmp_path / name).write_text("x")
    with pytest.warns(UserWarning, match="left out 2 .heic, 1 .mov, which Pillow does not read"):
        data.load_arrays(tmp_path, "all")


def test_links_to_folders_are_followed_once(tmp_path):
    save(tmp_path / "elsewhere" / "a.png", 1)
    save(tmp_path / "set" / "0.png", 2)
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
    assert len(data.load_arrays(tmp_path / "set", "all")[0]) == 2


def test_damaged_images_are_refused_all_at_once_or_left_out(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.jpg", 50 * i, size=(64, 64))
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(b"not an image")
    (tmp_path / "3.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cannot read 2 of 4 images: 1.jpg \(.*3.jpg \(.*skip_dam"):
        data.load_arrays(tmp_path, "all")
    with pytest.warns(UserWarning, match="left out damaged images: 1.jpg .*3.jpg"):
        pixels, _ = data.load_arrays(tmp_path, "all", skip_damaged=True)
    assert pixels[:, 0, 0, 0].tolist() == [0, 100]


def test_images_may_be_oblong(tmp_path):
    save(tmp_path / "0.png", 5, size=(240, 360))
    assert data.load_arrays(tmp_path, "all", image_size=(48, 32))[0].shape == (1, 48, 32, 3)
    assert data.load_arrays(tmp_path, "all", image_size=[32, 48])[0].shape == (1, 32, 48, 3)
    for wrong in ((32,), (0, 32), 2.5):
        with pytest.raises(UserError, match="`image_size` must be"):
            data.load_arrays(tmp_path, image_size=wrong)


def test_images_of_different_sizes_need_image_size(tmp_path):
    save(tmp_path / "0.png", 5, size=(30, 20))
    save(tmp_path / "1.png", 6, size=(20, 20))
    with pytest.raises(UserError, match="must be of one size, or `image_size` must be given"):
        data.load_arrays(tmp_path)
    pixels, _ = data.load_arrays(tmp_path, image_size=8)
    assert pixels[:, 3, 3, 0].tolist() == [5, 6]


def test_missing_and_empty_folders_are_reported(tmp_path):
    with pytest.raises(UserError, match="No such folder"):
        data.load_arrays(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no images"):
        data.load_arrays(tmp_path)


def test_white_is_the_same_in_all_splits(tmp_path):
    for i, level in enumerate([0, 1023] + [500] * 8):
        Image.fromarray(np.full((8, 8), level, np.uint16)).save(tmp_path / f"{i}.png")
    with pytest.warns(UserWarning, match="levels up to 1023"):
        test, _ = data.load_arrays(tmp_path, "test")
    assert test[0, 0, 0, 0] == round(500 * 255 / 1023)


def test_a_link_that_leads_nowhere_is_a_damaged_picture(tmp_path):
    save(tmp_path / "0.png", 1)
    (tmp_path / "1.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match="cannot read 1 of 2 images: 1.png"):
        data.load_arrays(tmp_path, "all")
    with pytest.warns(UserWarning, match="left out damaged images: 1.png"):
        assert len(data.load_arrays(tmp_path, "all", skip_damaged=True)[0]) == 1


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_pictures_of_a_camera_held_upright_have_one_size(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), "red").save(tmp_path / f"0.{suffix}", exif=exif)
    Image.new("RGB", (20, 30), "red").save(tmp_path / f"1.{suffix}")
    assert data.load_arrays(tmp_path, "all")[0].shape == (2, 30, 20, 3)


def test_grey_pictures_on_a_coloured_background_are_coloured(tmp_path):
    Image.new("LA", (8, 8), (0, 0)).save(tmp_path / "0.png")
    assert data.load_arrays(tmp_path, "all")[0][0, 0, 0].tolist() == [255]
    orange, _ = data.load_arrays(tmp_path, "all", background="#ff8000")
    assert orange[0, 0, 0].tolist() == [255, 128, 0]
