"""Films of pictures that move: drawn from a seed, at constant speed, between walls."""

import hashlib

import numpy as np
import pytest

from kerasgan import data
from kerasgan.data.films import FASTEST, bounced
from kerasgan.data.spec import spec_of
from kerasgan.signature import Film, Image
from kerasgan.training import recipe as recipes
from kerasgan.training.train import source_of_recipe
from kerasgan.utils.errors import UserError

DOT = np.full((1, 28, 28, 1), 255, np.uint8)


def corners(films):
    """Returns the first row and column of what is bright in each frame of films of one picture."""
    rows, columns = films.any(axis=(3, 4)), films.any(axis=(2, 4))
    return np.stack([rows.argmax(-1), columns.argmax(-1)], -1)


def test_the_same_seed_gives_the_same_films_and_more_only_add_to_them():
    films = data.moving_films(6, seed=7, frames=12)
    assert films.shape == (6, 12, 64, 64, 1) and films.dtype == np.uint8
    np.testing.assert_array_equal(films[:3], data.moving_films(3, seed=7, frames=12))
    assert (films != data.moving_films(6, seed=8, frames=12)).any()
    digest = hashlib.sha256(films.tobytes()).hexdigest()  # of any machine
    assert digest == "746157a32456f2cd45550cb7a1f5dd5712dab9fdc9fb4919e50216f9d4903023"


def test_the_source_is_the_start_of_the_longer_films():
    source, films = data.moving(5, seed=3), data.moving_films(5, seed=3, frames=12)
    assert source.spec == {"image": Image((64, 64, 1)), "frames": Film((4, 64, 64, 1))}
    np.testing.assert_array_equal(source.parts["frames"], films[:, :4])
    np.testing.assert_array_equal(source.parts["image"], films[:, 4])


def test_pictures_move_at_constant_speed_and_bounce_off_the_walls():
    films = data.moving_films(200, seed=0, frames=40, sprites=DOT, objects=1)
    assert (films.reshape(200, 40, -1).astype(int).sum(-1) == 255 * 28**2).all()  # never cut off
    places = corners(films)
    assert places.min() == 0 and places.max() == 36  # up to the walls
    steps = np.diff(places, axis=1)
    assert abs(steps).max() <= FASTEST + 1
    inside = (places[:, 1:-1] > 5).all(-1) & (places[:, 1:-1] < 31).all(-1)
    bends = abs(np.diff(steps, axis=1)).max(-1)
    assert bends[inside].max() <= 1  # rounding to pixels alone
    assert (np.sign(steps).min(1) == -1).all(-1).mean() > 0.8  # most turned round at some time
    speeds = np.hypot(*np.moveaxis(steps[:, :1], -1, 0))
    assert 2.5 < speeds.mean() < 4.5


def test_walls_reflect():
    places = bounced(np.arange(-3, 12), 4)
    assert places.tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3]
    assert bounced(np.arange(5), 0).tolist() == [0] * 5


def test_emoji_move_on_white_the_last_in_front():
    films = data.moving_films(2, sprites="noto_emoji_mini", frames=3)
    assert films.shape == (2, 3, 64, 64, 3) and (films == 255).mean() > 0.5
    red = np.full((1, 28, 28, 4), (255, 0, 0, 255), np.uint8)
    assert data.moving_films(1, sprites=red, frames=1, side=28, objects=2)[0, 0, 9, 9].tolist() == [
        255,
        0,
        0,
    ]


def test_the_test_films_show_other_garments():
    train = data.load_source("moving_fashion_mnist", "train[:20]")
    test = data.load_source("moving_fashion_mnist", "test[:20]")
    np.testing.assert_array_equal(train.parts["frames"], data.moving(20, seed=0).parts["frames"])
    np.testing.assert_array_equal(
        test.parts["frames"], data.moving(20, seed=1, split="test").parts["frames"]
    )
    assert train.fingerprint != test.fingerprint and train.licence.endswith("MIT licence")
    both = data.load_source("moving_fashion_mnist", "test[-1:]+train[:2]", image_size=32)
    assert both.parts["frames"].shape == (3, 4, 32, 32, 1)
    assert len(data.load_source("moving_fashion_mnist", "test")) == 1000
    with pytest.raises(UserError, match='has no split "tset"'):
        data.load_source("moving_fashion_mnist", "tset")


def test_recipes_and_dry_runs_know_the_films():
    table = recipes.complete({"data": {"name": "moving_fashion_mnist"}}).data
    assert len(source_of_recipe(table, "train[:7]")) == 7
    spec = spec_of("moving_fashion_mnist", 32)
    assert spec == {"image": Image((32, 32, 1)), "frames": Film((4, 32, 32, 1))}


def test_films_are_scaled_and_mirrored_with_what_follows():
    source = data.moving(64, seed=2, flip=True)
    plain = data.moving(64, seed=2)
    (mirrored,) = data.steps(source, batch_size=64)
    (straight,) = data.steps(plain, batch_size=64)
    turned = []
    for flipped, same in zip(mirrored, straight, strict=True):
        flipped, same = np.asarray(flipped), np.asarray(same)
        assert same.dtype == np.float32 and same.min() == -1 and same.max() <= 1
        axes = tuple(range(1, same.ndim))
        kept = (flipped == same).all(axis=axes)
        assert (kept | (flipped == same[..., ::-1, :]).all(axis=axes)).all()
        turned.append(kept)
    np.testing.assert_array_equal(*turned)
    assert 10 < turned[0].sum() < 54


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num": 0}, "`num` must be a whole number, 1 or more"),
        ({"num": 1, "side": 20}, "`side` must be a whole number, 28 or more"),
        ({"num": 1, "seed": 2**32}, r"`seed` must be less than 2\*\*32"),
        ({"num": 1, "sprites": "noto_emoij_mini"}, 'did you mean "noto_emoji_mini"'),
        ({"num": 1, "sprites": np.zeros((1, 8, 8, 1))}, "`sprites` must be uint8"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        data.moving_films(**arguments)
