"""The metrics against other implementations, on the same features.

TF-GAN runs here; `golden/make_metrics.py` recorded the results of torch-fidelity and of the PRDC
package. Values in float64 agree to 1e-8, values from float32 arithmetic to 1e-4.
"""

import importlib.util
import json
import pathlib
import runpy

import numpy as np
import pytest

from kerasgan import metrics, tfgan

FOLDER = pathlib.Path(__file__).with_name("golden")
GOLDEN = json.loads((FOLDER / "metrics.json").read_text())
MAKER = runpy.run_path(str(FOLDER / "make_metrics.py"))  # imports torch in `main` only

pytestmark = pytest.mark.filterwarnings("ignore:Precision, recall, density and coverage of fewer")
needs_tfgan = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_gan") is None,
    reason="TF-GAN is not installed: pip install kerasgan[tfgan]",
)


def sets(case, maker=MAKER["features"], dtype="float64"):
    return (
        maker(case[n], case["dim"], seed).astype(dtype) for seed, n in enumerate(("real", "fake"))
    )


def cases(most=5000, widest=2048):
    """Parametrizes over all cases; marks those above `most` samples or `widest` features slow."""
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(
                case,
                id=f"{case['real']}x{case['dim']}",
                marks=[pytest.mark.slow] * (case["real"] > most or case["dim"] > widest),
            )
            for case in GOLDEN["cases"]
        ],
    )


# --- torch-fidelity and PRDC ---


@cases()
def test_frechet_distance_equals_torch_fidelity(case):
    actual = metrics.frechet_distance(*sets(case))
    assert actual == pytest.approx(case["frechet_distance"], rel=1e-8)


@cases(widest=256)
def test_frechet_distance_of_float32_equals_torch_fidelity(case):
    actual = metrics.frechet_distance(*sets(case, dtype="float32"))
    assert actual == pytest.approx(case["frechet_distance_float32"], rel=1e-4)


@cases()
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-8), ("float32", 1e-4)])
def test_kernel_distance_equals_torch_fidelity_with_the_default_seed(case, dtype, rtol):
    golden = case["kernel_distance"]
    size, subsets = golden["subset_size"], golden["num_subsets"]
    expected = golden["values" if dtype == "float64" else "float32_values"]
    actual = metrics.kernel_distance(*sets(case, dtype=dtype), size, subsets)
    np.testing.assert_allclose(actual, expected, rtol=rtol)


@cases()
def test_inception_score_equals_torch_fidelity(case):
    _, logits = sets(case)
    for golden in case["inception_score"]:
        actual = metrics.inception_score(logits, golden["splits"], golden["seed"])
        np.testing.assert_allclose(actual, golden["values"], rtol=1e-12, atol=1e-12)
    first = case["inception_score"][0]
    assert metrics.inception_score(logits) == pytest.approx(first["values"], rel=1e-12)


@cases(most=1500)
def test_precision_recall_counts_the_samples_that_torch_fidelity_does(case):
    real, fake = sets(case)
    for k, expected in case["precision_recall"].items():
        actual = metrics.precision_recall(real, fake, k=int(k))
        # torch-fidelity returns float32 means of counts
        assert round(actual[0] * len(fake)) == round(expected[0] * len(fake))
        assert round(actual[1] * len(real)) == round(expected[1] * len(real))


@cases(most=1500)
def test_density_coverage_equals_prdc(case):
    real, fake = sets(case)
    for k, expected in case["density_coverage"].items():
        assert metrics.density_coverage(real, fake, k=int(k)) == pytest.approx(expected, rel=1e-12)


def test_duplicates_and_ties_count_as_in_torch_fidelity_and_prdc():
    case = GOLDEN["tied"]
    real, fake = sets(case, MAKER["tied_features"])
    for k, expected in case["precision_recall"].items():
        assert metrics.precision_recall(real, fake, int(k)) == pytest.approx(expected, rel=1e-6)
    for k, expected in case["density_coverage"].items():
        assert metrics.density_coverage(real, fake, int(k)) == pytest.approx(expected, rel=1e-12)


# --- TF-GAN ---


@needs_tfgan
@cases(widest=256)
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-8), ("float32", 1e-4)])
def test_frechet_distance_equals_tfgan(case, dtype, rtol):
    real, fake = sets(case, dtype=dtype)
    expected = tfgan.eval.frechet_classifier_distance_from_activations(real, fake)
    assert metrics.frechet_distance(real, fake) == pytest.approx(float(expected), rel=rtol)


@needs_tfgan
@cases(most=1500)
def test_kernel_distance_of_all_samples_equals_tfgan_with_one_block(case):
    real, fake = sets(case)
    block = max(len(real), len(fake))
    distance, _ = kernel_tfgan(real, fake, block)
    actual, std = metrics.kernel_distance(real, fake, subset_size=block)
    assert actual == pytest.approx(distance, rel=1e-8) and std == 0


@needs_tfgan
@cases()
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-8), ("float32", 1e-4)])
def test_mean_and_std_over_tfgans_blocks_are_tfgans(case, dtype, rtol):
    real, fake = (x[:1500] for x in sets(case, dtype=dtype))
    distance, error = kernel_tfgan(real, fake, 500)
    blocks = max(len(real), len(fake)) // 500 + (max(len(real), len(fake)) % 500 > 0)
    # TF-GAN puts the longer blocks at the end, `array_split` at the beginning.
    parts = [[block[::-1] for block in np.array_split(x[::-1], blocks)][::-1] for x in (real, fake)]
    values = [
        metrics.kernel_distance(*part, subset_size=500)[0] for part in zip(*parts, strict=True)
    ]
    assert np.mean(values) == pytest.approx(distance, rel=rtol)
    assert np.std(values, ddof=1) / np.sqrt(blocks) == pytest.approx(error, rel=10 * rtol)


@needs_tfgan
@cases()
def test_inception_score_of_one_split_equals_tfgan(case):
    for dtype, rtol in (("float64", 1e-8), ("float32", 1e-4)):
        _, logits = sets(case, dtype=dtype)
        expected = float(tfgan.eval.classifier_score_from_logits(logits))
        assert metrics.inception_score(logits, splits=1)[0] == pytest.approx(expected, rel=rtol)


def kernel_tfgan(real, fake, block):
    import tensorflow as tf

    function = tfgan.eval.kernel_classifier_distance_and_std_from_activations
    return [float(x) for x in function(tf.constant(real), tf.constant(fake), max_block_size=block)]
