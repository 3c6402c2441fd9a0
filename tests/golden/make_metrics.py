"""Records other libraries' metrics of random features for `tests/test_metrics_parity.py`.

torch-fidelity computes the Frechet distance, the kernel distance, the Inception Score, precision
and recall; the package of the PRDC paper computes density and coverage. Both sides generate the
features from a seed, so only the results are committed. In an environment with torch==2.13.0, tqdm,
torch-fidelity==0.4.0 (installed with --no-deps), prdc==0.2, scikit-learn and scipy:

    python tests/golden/make_metrics.py
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import sys
import types

import numpy as np

OUTPUT = pathlib.Path(__file__).with_name("metrics.json")
PACKAGES = ("numpy", "prdc", "scikit-learn", "torch", "torch-fidelity")

# Number of real samples, number of generated samples, feature width.
CONTINUOUS = ((500, 600, 64), (1500, 1500, 256), (5000, 4000, 64), (3000, 2500, 2048))
TIED = (400, 300, 8)


def features(count, dim, seed):
    """Returns float64 features like those of networks: correlated, of different scales."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, dim)) * np.linspace(0.2, 2.0, dim)
    x += 0.7 * np.roll(x, 1, axis=1) + 0.1 * seed
    return np.maximum(x, 0.1 * x)


def tied_features(count, dim, seed):
    """Returns small integers as float64: many duplicates and exactly equal distances."""
    return np.random.default_rng(seed).integers(0, 2 + seed, (count, dim)).astype("float64")


def import_torch_fidelity():
    """Imports the metrics without torchvision, which only feature extraction needs."""
    (folder,) = importlib.util.find_spec("torch_fidelity").submodule_search_locations
    package, utils = types.ModuleType("torch_fidelity"), types.ModuleType("torch_fidelity.utils")
    package.__path__ = [folder]
    utils.__getattr__ = lambda name: None
    sys.modules.update({module.__name__: module for module in (package, utils)})


def main():
    import_torch_fidelity()
    import torch
    from prdc import compute_prdc
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    def frechet(real, fake):
        fake, real = (fid_features_to_statistics(torch.from_numpy(x)) for x in (fake, real))
        return fid_statistics_to_metric(fake, real, verbose=False)["frechet_inception_distance"]

    def kernel(real, fake, size, subsets):
        fake, real = torch.from_numpy(fake), torch.from_numpy(real)
        options = {"kid_subset_size": size, "kid_subsets": subsets, "verbose": False}
        values = kid_features_to_metric(fake, real, **options)
        return [values[f"kernel_inception_distance_{name}"] for name in ("mean", "std")]

    def inception(logits, splits, seed):
        shuffle = {"shuffle": seed is not None, "rng_seed": seed}
        values = isc_features_to_metric(torch.from_numpy(logits), splits, **shuffle)
        return [values[f"inception_score_{name}"] for name in ("mean", "std")]

    def precision_recall(real, fake, k):
        fake, real = torch.from_numpy(fake), torch.from_numpy(real)
        options = {"prc_neighborhood": k, "verbose": False}
        values = prc_features_to_metric(fake, real, **options)
        return [values["precision"], values["recall"]]

    def density_coverage(real, fake, k):
        values = compute_prdc(real, fake, nearest_k=k)
        return [float(values[name]) for name in ("density", "coverage")]

    golden = {"versions": {name: importlib.metadata.version(name) for name in PACKAGES}}
    golden["cases"] = []
    for real_count, fake_count, dim in CONTINUOUS:
        real, fake = features(real_count, dim, seed=0), features(fake_count, dim, seed=1)
        size, subsets = min(1000, real_count), 100 if real_count == 500 else 10
        case = {"real": real_count, "fake": fake_count, "dim": dim}
        case["frechet_distance"] = frechet(real, fake)
        case["frechet_distance_float32"] = frechet(real.astype("float32"), fake.astype("float32"))
        case["kernel_distance"] = {
            "subset_size": size,
            "num_subsets": subsets,
            "values": kernel(real, fake, size, subsets),
            "float32_values": kernel(real.astype("float32"), fake.astype("float32"), size, subsets),
        }
        case["inception_score"] = [
            {"splits": splits, "seed": seed, "values": inception(fake, splits, seed)}
            for splits, seed in ((10, 2020), (7, 1), (1, 2020), (10, None))
        ]
        case["precision_recall"] = {k: precision_recall(real, fake, k) for k in (1, 3, 5)}
        case["density_coverage"] = {k: density_coverage(real, fake, k) for k in (1, 5)}
        golden["cases"].append(case)

    real_count, fake_count, dim = TIED
    real, fake = tied_features(real_count, dim, seed=0), tied_features(fake_count, dim, seed=1)
    golden["tied"] = {
        "real": real_count,
        "fake": fake_count,
        "dim": dim,
        "precision_recall": {k: precision_recall(real, fake, k) for k in (1, 3, 5)},
        "density_coverage": {k: density_coverage(real, fake, k) for k in (1, 5)},
    }
    OUTPUT.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{OUTPUT}: {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
