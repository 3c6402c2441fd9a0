"""Exports: what is true of every model is in contract.py; here, versions and refusals."""

import pytest

from kerasgan import DCGAN, export
from kerasgan.errors import UserError


@pytest.fixture(scope="module")
def gan():
    return DCGAN((8, 8, 1), width=4)


def test_versions_count_up_and_none_is_written_twice(gan, tmp_path):
    assert export.saved_model(gan, tmp_path) == str(tmp_path / "1")
    assert export.saved_model(gan, tmp_path, version=7) == str(tmp_path / "7")
    assert export.saved_model(gan, tmp_path) == str(tmp_path / "8")
    with pytest.raises(UserError, match="7 exists already"):
        export.saved_model(gan, tmp_path, version=7)
    assert {path.name for path in tmp_path.iterdir()} == {"1", "7", "8"}


@pytest.mark.parametrize("version", [0, -1, 1.5, True, "2"])
def test_a_version_is_a_whole_number(gan, tmp_path, version):
    with pytest.raises(UserError, match="`version` must be a whole number, 1 or more"):
        export.saved_model(gan, tmp_path, version=version)
    assert list(tmp_path.iterdir()) == []


def test_weights_are_stored_once(gan, tmp_path):
    folder = export.saved_model(gan, tmp_path)
    stored = sum(p.stat().st_size for p in (tmp_path / "1" / "variables").iterdir())
    assert folder and stored < 1.2 * 4 * gan.generator.count_params() + 2000


def test_a_folder_in_the_place_of_a_file_is_refused_by_its_name(gan, tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path} is a folder"):
        export.tflite(gan, tmp_path)
