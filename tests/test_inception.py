"""`metrics.InceptionV3` against the results of torch-fidelity from `golden/make_inception.py`.

Both ports use the same random weights, never the real ones.
"""

import contextlib
import hashlib
import http.server
import io
import pathlib
import re
import tarfile
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from golden import make_inception

from kerasgan import metrics
from kerasgan.metrics import inception, inception_weights
from kerasgan.metrics.inception_weights import ARCHIVE, GRAPH
from kerasgan.utils.errors import UserError


def serialized(arrays):
    """Returns a `GraphDef` with one `Const` per array and other nodes, like the published one."""
    others = tf.compat.v1.GraphDef()
    others.node.add(name="DecodeJpeg/contents", op="Placeholder")
    return others.SerializeToString() + inception_weights.serialize(arrays)


def tiny_graph(value=0.0):
    """Returns a graph that can be parsed, but from which no network can be built."""
    return serialized({"softmax/weights": np.full(3, value, "float32")})


def archived(graph, member=GRAPH):
    """Returns the bytes of an archive with a licence and the graph."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in (("LICENSE", b"text"), (member, graph)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def server(body, length=None):
    """Serves one file on loopback; yields its URL and the list of requested paths."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/{ARCHIVE}", asked
        httpd.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache; downloads in tests cannot leave this machine."""
    for name in ("KERASGAN_INCEPTION", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(inception_weights, "URL", f"http://127.0.0.1:9/{ARCHIVE}")  # discard
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def arrays():
    return make_inception.random_arrays()


@pytest.fixture(scope="module")
def graph_file(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / GRAPH
    path.write_bytes(serialized(arrays))
    yield path
    path.unlink()  # 96 MB, which pytest would keep


@pytest.fixture(scope="module")
def golden():
    return np.load(make_inception.OUTPUT, allow_pickle=False)


@pytest.fixture(scope="module")
def batches():
    return make_inception.random_images()


def assert_near(actual, expected):
    """Allows a difference of 1e-5 relative to each entry plus 1e-5 of the largest entry."""
    assert actual.dtype == np.float32
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=atol)


# --- The network ---


def test_port_equals_torch_fidelity_on_the_same_weights_resize_included(
    arrays, graph_file, golden, batches
):
    extractor = metrics.InceptionV3(graph_file)
    parsed = inception_weights.constants(inception_weights.read(graph_file), graph_file)
    assert parsed.keys() == arrays.keys()
    network = inception.build_inception_v3(parsed)
    forward = tf.function(lambda images: network(extractor.preprocess(images)))
    outputs = [forward(tf.constant(images)) for images in batches]
    for name in make_inception.OUTPUTS:
        assert_near(np.concatenate([output[name] for output in outputs]), golden[name])


def test_extractor_gives_pool_features_and_logits_of_grey_and_rgb(graph_file, golden, batches):
    extractor = metrics.InceptionV3(graph_file)
    images = batches[0]
    assert_near(extractor(images), golden["2048"][:2])
    assert_near(extractor.logits(images), golden["logits"][:2])
    assert_near(extractor.logits_unbiased(images), golden["logits_unbiased"][:2])
    assert_near(extractor(images[:1, :, :, :1]), golden["2048"][:1])  # grey: all channels equal
    assert extractor.statistics([images, images]).dim == 2048


def test_earlier_layers_are_features_of_their_width(graph_file, golden, batches):
    extractor = metrics.InceptionV3(graph_file, dim=192)
    assert_near(extractor(batches[0]), golden["192"][:2])
    assert_near(extractor.logits(batches[0]), golden["logits"][:2])


def test_network_ignores_the_dtype_policy_and_leaves_the_random_state_alone(
    arrays, graph_file, golden, batches
):
    keras.utils.set_random_seed(7)
    expected = keras.random.uniform((3,), seed=keras.random.SeedGenerator())
    keras.utils.set_random_seed(7)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = inception.build_inception_v3(arrays)
    finally:
        keras.config.set_dtype_policy("float32")
    images = metrics.InceptionV3(graph_file).preprocess(tf.constant(batches[0]))
    for name, output in network(images).items():
        assert_near(output.numpy(), golden[name][:2])
    np.testing.assert_array_equal(
        keras.random.uniform((3,), seed=keras.random.SeedGenerator()), expected
    )


def test_a_graph_with_other_weights_than_inceptions_is_refused(arrays):
    missing = {name: x for name, x in arrays.items() if name != "conv_1/batchnorm/gamma"}
    with pytest.raises(UserError, match=r"have conv_1/batchnorm/gamma of shape \(32,\).*none"):
        inception.build_inception_v3(missing)
    other = arrays | {"conv/conv2d_params": np.zeros((3, 3, 1, 32), "float32")}
    with pytest.raises(UserError, match=r"of shape \(3, 3, 3, 32\). Received: \(3, 3, 1, 32\)"):
        inception.build_inception_v3(other)


# --- The name of its distance ---


def test_random_weights_are_not_called_fid(graph_file):
    extractor = metrics.InceptionV3(graph_file)
    digits = sha256(graph_file.read_bytes())
    assert extractor.sha256 == digits != inception_weights.SHA256
    assert extractor.distance_name == f"FD[inception:{digits[:8]}]"
    assert metrics.InceptionV3(graph_file, dim=64).distance_name == (
        f"FD[inception:{digits[:8]}@64]"
    )


def test_only_the_pinned_weights_pool_features_are_called_fid(tmp_path, monkeypatch):
    (tmp_path / "graph").write_bytes(tiny_graph())
    monkeypatch.setattr(inception_weights, "SHA256", sha256(tiny_graph()))
    assert metrics.InceptionV3(tmp_path / "graph").distance_name == "FID"
    assert metrics.InceptionV3(tmp_path / "graph", dim=768).distance_name == "FD[inception@768]"


def test_an_unknown_feature_width_is_refused():
    with pytest.raises(UserError, match="64, 192, 768 or 2048. Received: dim=1024"):
        metrics.InceptionV3(dim=1024)


# --- The weights file ---


def test_weights_come_from_argument_then_variable_then_cache(tmp_path, cache, monkeypatch):
    graphs = {name: tiny_graph(i) for i, name in enumerate(("argument", "variable", "cached"))}
    for name, graph in graphs.items():
        (tmp_path / name).write_bytes(graph)
    monkeypatch.setattr(inception_weights, "SHA256", sha256(graphs["cached"]))
    cache.mkdir()
    (cache / ARCHIVE).write_bytes(archived(graphs["cached"]))
    monkeypatch.setenv("KERASGAN_INCEPTION", str(tmp_path / "variable"))
    named = metrics.InceptionV3(tmp_path / "argument")
    assert named.sha256 == sha256(graphs["argument"])
    assert metrics.InceptionV3().sha256 == sha256(graphs["variable"])
    monkeypatch.setenv("KERASGAN_INCEPTION", "")
    assert metrics.InceptionV3().sha256 == sha256(graphs["cached"])
    assert metrics.InceptionV3().weights == str(cache / ARCHIVE)
    (cache / GRAPH).write_bytes(graphs["cached"])
    assert metrics.InceptionV3().weights == str(cache / GRAPH)


def test_cache_is_in_the_users_cache_unless_a_variable_names_it(monkeypatch):
    monkeypatch.delenv("KERASGAN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert inception_weights.cache_folder() == pathlib.Path("/xdg/kerasgan")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert inception_weights.cache_folder() == pathlib.Path.home() / ".cache" / "kerasgan"
    monkeypatch.setenv("KERASGAN_CACHE", "~/elsewhere")
    assert inception_weights.cache_folder() == pathlib.Path.home() / "elsewhere"


def test_the_graph_and_its_archive_are_the_same_extractor(tmp_path):
    (tmp_path / "graph").write_bytes(tiny_graph())
    (tmp_path / "archive").write_bytes(archived(tiny_graph()))
    graph, archive = (metrics.InceptionV3(tmp_path / name) for name in ("graph", "archive"))
    assert graph == archive and hash(graph) == hash(archive)
    assert graph != metrics.InceptionV3(tmp_path / "graph", dim=64)
    assert not list(tmp_path.glob("*LICENSE*")) and not list(tmp_path.glob("*.pb"))


def test_without_file_or_network_one_error_names_the_url_and_the_folder(cache):
    message = (
        "FID needs the Inception weights, which are not on this machine, and 127.0.0.1 cannot be "
        f"reached: fetch {inception_weights.URL} and put it into {cache}, or name it in "
        "KERASGAN_INCEPTION."
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        metrics.InceptionV3()
    assert not cache.exists()


def test_a_download_is_checked_kept_and_used_again(cache, monkeypatch, capsys):
    monkeypatch.setattr(inception_weights, "SHA256", sha256(tiny_graph()))
    body = archived(tiny_graph())
    with server(body) as (url, asked):
        monkeypatch.setattr(inception_weights, "URL", url)
        first, second = metrics.InceptionV3(), metrics.InceptionV3()
    assert first == second and first.distance_name == "FID"
    assert asked == [f"/{ARCHIVE}"]
    assert [path.name for path in cache.iterdir()] == [GRAPH]
    printed = capsys.readouterr().out
    assert f"Downloading {url}" in printed


@pytest.mark.parametrize(
    "body, length, message",
    [
        (archived(tiny_graph(1)), None, "no longer serves the file wanted.*Received: [0-9a-f]{64}"),
        (archived(tiny_graph())[:-40], None, "download failed .*fetch .* and put it into"),
        (archived(tiny_graph())[:-40], 5000, "download failed .*fetch .* and put it into"),
        (archived(tiny_graph(), "other.pb"), None, "download failed .*not found.*fetch"),
        (b"<html>Not here</html>", None, "no longer serves the file wanted"),
    ],
)
def test_a_bad_download_leaves_nothing_behind(cache, monkeypatch, body, length, message):
    monkeypatch.setattr(inception_weights, "SHA256", sha256(tiny_graph()))
    with server(body, length) as (url, _):
        monkeypatch.setattr(inception_weights, "URL", url)
        with pytest.raises(UserError, match=message):
            metrics.InceptionV3()
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_refused_in_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(inception_weights, "SHA256", sha256(tiny_graph()))
    with server(archived(tiny_graph())) as (url, _):
        monkeypatch.setattr(inception_weights, "URL", url)
        with pytest.raises(UserError, match="cannot be kept in .*cache .*: set KERASGAN_CACHE to"):
            metrics.InceptionV3()


@pytest.mark.parametrize("name", [GRAPH, ARCHIVE])
def test_another_file_in_the_cache_is_refused(cache, name):
    cache.mkdir()
    (cache / name).write_bytes(tiny_graph() if name == GRAPH else archived(tiny_graph()))
    wanted, found = inception_weights.SHA256, sha256(tiny_graph())
    with pytest.raises(UserError, match=f"{name} is .*delete it .*{wanted}.*Received: {found}"):
        metrics.InceptionV3()


@pytest.mark.parametrize(
    "data, message",
    [
        (archived(tiny_graph())[:-40], r"weights cannot be read \(.*\): fetch http.* again"),
        (b"\x1f\x8b" + bytes(99), r"weights cannot be read \(.*\): fetch http.* again"),
        (archived(tiny_graph(), "other.pb"), r"weights cannot be read \(.*not found.*\): fetch"),
        (tiny_graph()[:-1], f"is not the {GRAPH} of {ARCHIVE}: fetch"),
        (serialized({"other": np.zeros(3)}), f"is not the {GRAPH} of {ARCHIVE}: fetch"),
        (b"", f"is not the {GRAPH} of {ARCHIVE}: fetch"),
    ],
)
def test_a_damaged_file_is_refused_at_once(tmp_path, data, message):
    path = tmp_path / "weights"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message):
        metrics.InceptionV3(path)


def test_a_named_file_that_is_not_there_is_not_replaced_by_another(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=f"must be {ARCHIVE} or .* there is no .*absent: fetch"):
        metrics.InceptionV3(tmp_path / "absent")
    monkeypatch.setenv("KERASGAN_INCEPTION", str(tmp_path / "absent"))
    with pytest.raises(UserError, match="there is no .*absent: fetch http"):
        metrics.InceptionV3()


def test_a_file_that_changes_before_its_first_use_is_refused(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(tiny_graph())
    extractor = metrics.InceptionV3(path)
    path.write_bytes(tiny_graph(1))
    with pytest.raises(UserError, match="weights changed since InceptionV3 was made"):
        extractor(np.zeros((1, 8, 8, 3), "uint8"))
