"""Texts as inputs: the encoder, its arithmetic in graphs, checks, files and signatures."""

import importlib
import importlib.resources
import json
import shutil
import signal
import subprocess
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import TextToImage, cli, export
from kerasgan.export import metadata
from kerasgan.signature import Signature, Text, TextEncoder, encoding
from kerasgan.utils.errors import UserError
from kerasgan.viz.grids import text_grid

TEXTS = [
    "smiling cat",
    "Smiling Cat!",
    "cat smiling",
    "a",
    "keycap: 3",
    "flag: Curaçao",
    "кошка",
    "笑う猫",
    "woman’s hat",
    "  two  spaces ",
    "x" * 256,
]
LONG = "cat " * 2500


@pytest.fixture(scope="module")
def encoder():
    rng = np.random.default_rng(0)
    return TextEncoder(rng.integers(-127, 128, (512, 16)).astype("int8"))


@pytest.fixture(scope="module")
def gan(encoder):
    keras.utils.set_random_seed(0)
    return TextToImage((8, 8, 3), latent_dim=4, width=4, projection=8, encoder=encoder, seed=0)


def fnv1a(content):
    """The hash as its authors define it: http://www.isthe.com/chongo/tech/comp/fnv/"""
    value = 0x811C9DC5
    for byte in content:
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def test_pieces_are_those_of_the_words_with_their_ends():
    pieces = [" ca", "cat", "at ", " cat", "cat ", " cat ", " of", "of ", " of "]
    expected = sorted(fnv1a(each.encode()) for each in pieces)
    assert sorted(map(int, encoding.hashes("Cat, of"))) == expected
    assert fnv1a(b"foobar") == 0xBF9CF968  # published


def test_a_vector_is_the_sum_of_its_rows_brought_to_one_length(encoder):
    rows = [fnv1a(each) % 512 for each in (b" ca", b"cat", b"at ", b" cat", b"cat ", b" cat ")]
    total = encoder.table[rows].astype("float64").sum(axis=0)
    np.testing.assert_allclose(encoder(["cat"])[0], total / np.linalg.norm(total) * 4.0, rtol=1e-6)


def test_graphs_compute_the_same_vectors(encoder):
    in_graph = tf.function(encoder.in_graph)(tf.constant(TEXTS))
    np.testing.assert_allclose(in_graph, encoder(TEXTS), atol=2e-6)


def test_case_and_punctuation_do_not_count_and_words_have_no_order(encoder):
    vectors = encoder(TEXTS[:3])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_words_never_seen_and_other_scripts_have_vectors_of_the_same_length(encoder):
    vectors = encoder(["qzxqzx", "кошка", "笑う猫", "😺"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 4.0, rtol=1e-5)
    assert len(np.unique(vectors.round(3), axis=0)) == 4


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "at least one letter or digit. Received: ''"),
        (" \n ", "at least one letter or digit"),
        ("!?", "at least one letter or digit. Received: '!\\?'"),
        ("\0\0", "at least one letter or digit"),
        (LONG, 'at most 256 bytes. Received: a text of 10,000, "cat cat'),
        ("я" * 129, "at most 256 bytes. Received: a text of 258"),
    ],
)
def test_texts_without_words_or_end_are_refused(text, message, gan):
    with pytest.raises(UserError, match=message):
        gan.sample(texts=["cat", text])
    assert encoding.valid(tf.constant(["cat", text])).numpy().tolist() == [True, False]


def test_broken_bytes_count_as_spaces_and_other_things_are_refused(encoder, gan):
    expected = encoder(["cat dog"])
    np.testing.assert_array_equal(encoder(["cat\ud800dog"]), expected)
    assert np.abs(encoder([b"cat \xff dog"])).max() > 0
    np.testing.assert_array_equal(encoder([b"cat dog"]), expected)
    with pytest.raises(UserError, match="`text` must hold texts. Received: None"):
        gan.sample(texts=["cat", None])


def test_samples_of_texts_are_those_of_their_vectors(gan, encoder):
    texts = ["smiling cat", "red heart"]
    samples = gan.sample(texts=texts, seed=3)
    assert samples.shape == (2, 8, 8, 3)
    np.testing.assert_array_equal(samples, gan.sample(text=encoder(texts), seed=3))
    np.testing.assert_array_equal(gan.sample(text=np.array(texts), seed=3), samples)
    # One text for all, or for one
    assert gan.sample(3, text="smiling cat", seed=3).shape == (3, 8, 8, 3)
    np.testing.assert_allclose(gan.sample(text="smiling cat", seed=3), samples[:1], atol=1e-6)


def test_wrong_texts_get_one_sentence(gan):
    with pytest.raises(UserError, match="`text` must hold 3 texts. Received: shape=\\(2,\\)"):
        gan.sample(3, texts=["a", "b"])
    with pytest.raises(UserError, match=r"`text` must have shape \(2, 16\)"):
        gan.sample(text=np.zeros((2, 15)))
    with pytest.raises(UserError, match="must be finite"):
        gan.sample(text=np.full((2, 16), np.nan))
    plain = TextToImage((8, 8, 3), text_dim=5, width=4)
    with pytest.raises(UserError, match="vectors of length 5, made by the encoder.*: texts"):
        plain.sample(texts=["a"])
    with pytest.raises(UserError, match="makes vectors of length 16. Received: dim=5"):
        TextToImage((8, 8, 3), text_dim=5, width=4, encoder=gan.encoder)


def test_fit_takes_texts_as_well_as_vectors(gan, encoder):
    images = np.zeros((4, 8, 8, 3), "uint8")
    texts = ["cat", "dog", "red heart", "sun"]
    models = []
    for given in (texts, encoder(texts), tf.data.Dataset.from_tensors((images, texts))):
        keras.utils.set_random_seed(0)
        made = type(gan).from_config(gan.get_config())
        made.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        if isinstance(given, tf.data.Dataset):
            made.fit(given, verbose=0)
        else:
            made.fit(images, given, batch_size=4, shuffle=False, verbose=0)
        models.append(made)
    for other in models[1:]:
        for ours, theirs in zip(models[0].weights, other.weights, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=ours.path)
    with pytest.raises(UserError, match="at least one letter or digit"):
        models[0].fit(images, ["cat", "dog", "", "sun"], verbose=0)


def test_the_encoder_is_saved_with_the_model(gan, tmp_path):
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.encoder == gan.encoder and loaded.signature.inputs == gan.signature.inputs
    texts = ["smiling cat"]
    np.testing.assert_array_equal(
        loaded.sample(texts=texts, seed=1), gan.sample(texts=texts, seed=1)
    )
    signature = Signature.from_config(gan.signature.get_config())
    assert signature.inputs["text"] == Text(16, gan.encoder)
    assert repr(signature.inputs["text"]) == "Text(16, TextEncoder(512 x 16))"


def test_a_saved_model_takes_strings(gan, tmp_path):
    served = tf.saved_model.load(gan.export(tmp_path / "served")).signatures
    assert {"sample", "sample_png", "text", "text_uint8", "text_png"} <= set(served)
    texts = ["smiling cat", "кошка"]
    seed, num = tf.constant(5, tf.int64), tf.constant(2)
    made = served["text"](seed=seed, num=num, text=tf.constant(texts))["images"]
    np.testing.assert_allclose(made, gan.sample(texts=texts, seed=5), atol=1e-5)
    one = served["text"](seed=seed, num=num, text=tf.constant(texts[:1]))["images"]
    np.testing.assert_allclose(one, gan.sample(2, text=texts[0], seed=5), atol=1e-5)
    files = served["text_png"](seed=seed, num=num, text=tf.constant(texts))["image_bytes"]
    assert tf.io.decode_png(files[0]).shape == (8, 8, 3)
    for wrong in ("", LONG):
        with pytest.raises(tf.errors.InvalidArgumentError, match="`text` must hold letters"):
            served["text"](seed=seed, num=num, text=tf.constant(["cat", wrong]))
    # Vectors go in as for every model.
    vectors = tf.constant(gan.encoder(texts))
    by_vector = served["sample"](seed=seed, num=num, text=vectors)["images"]
    np.testing.assert_allclose(by_vector, made, atol=1e-5)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_page_computes_the_same_vectors_and_refuses_the_same_texts(encoder):
    module = importlib.resources.files("kerasgan.export") / "page" / "texts.js"
    script = """
      const { encode, mistake } = await import(process.argv[1]);
      const [encoder, texts, wrong] = JSON.parse(await new Response(process.stdin).text());
      const vectors = texts.map((text) => [...encode(encoder, text)]);
      console.log(JSON.stringify([vectors, wrong.map(mistake)]));
    """
    wrong = ["", " \n", "!?", "x" * 257, "я" * 129]
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script, str(module)],
        input=json.dumps([encoder.get_config(), TEXTS, wrong]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    vectors, sentences = json.loads(done.stdout)
    np.testing.assert_allclose(vectors, encoder(TEXTS), atol=1e-6)
    assert sentences[:3] == ["Some words, please."] * 3
    assert sentences[3:] == [f"At most 256 bytes, please: these are {n}." for n in (257, 258)]


def test_metadata_of_exports_hold_the_encoder_once(gan, encoder, tmp_path):
    about = metadata.read(export.tflite(gan, tmp_path / "gan.tflite"))
    assert metadata.signature_of(about).inputs["text"].encoder == encoder
    assert json.dumps(about).count(encoder.get_config()["table"][:40]) == 1


def test_the_page_gets_the_encoder_of_a_model(gan):
    browser = importlib.import_module("kerasgan.export.browser")
    browser._check({"words": gan}, "nowhere")
    control = gan.signature.inputs["text"].control()
    assert control == {"encoder": gan.encoder.get_config()}
    plain = TextToImage((8, 8, 3), text_dim=5, width=4)
    with pytest.raises(UserError, match="can only offer .* texts. Received: plain"):
        browser._check({"plain": plain}, "nowhere")


def sample(*arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(["sample", *map(str, arguments)])
    return ended.value.code


@pytest.mark.filterwarnings("ignore")
def test_the_command_draws_texts(gan, tmp_path, capsys, monkeypatch):
    # What `main` sets for a process of its own
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    gan.save(tmp_path / "gan.keras")
    picture = tmp_path / "cats.png"
    arguments = [tmp_path / "gan.keras", "--output", picture, "--zoom=1"]
    assert sample(*arguments, "--text=smiling cat", "--num=9") == 0
    with Image.open(picture) as made:
        assert made.size == (28, 28)  # three rows of three
    assert "smiling cat, seed 0" in capsys.readouterr().out
    assert sample(*arguments, "--text=cat", "--text=red heart", "--num=6", "--overwrite") == 0
    with Image.open(picture) as made:
        assert made.size[0] == 18 and made.size[1] > 28 + 10  # two columns with titles
    for wrong in ("", "!!", LONG):
        assert sample(*arguments, f"--text={wrong}", "--overwrite") == 2
        error = capsys.readouterr().err
        assert error.startswith("kerasgan: `text` must") and error.count("\n") == 1


def test_a_card_passes_words(gan):
    text = export.card.model_card(metadata.describe(gan))
    assert 'gan.sample(4, text=["smiling cat"] * 4, seed=0)' in text
    assert '"signature_name": "text_png"' in text and '"text": ["smiling cat"]' in text


def test_a_grid_of_texts_holds_as_many_samples_as_were_asked_for(tmp_path, capsys):
    gan = TextToImage((8, 8, 3), text_dim=2, width=4)
    assert text_grid(gan, [[0.0, 1.0]], num=10).shape == (48, 18, 3)  # 5 x 2
    assert text_grid(gan, [[0.0, 1.0]] * 3, num=64).shape == (68, 88, 3)  # 7 x 9
    options = ["--num", "5", "--output", str(tmp_path / "a.png")]
    with pytest.raises(SystemExit):
        cli.main(["sample", "text_to_image_noto_emoji", "--text", "a", "--text", "b", *options])
    assert "--num must be a multiple of the 2 texts. Received: 5" in capsys.readouterr().err
