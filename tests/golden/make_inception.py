"""Records the outputs of torch-fidelity's Inception for `tests/test_inception.py`.

The weights are random instead of trained: `random_arrays` generates the same ones on any machine.
`inception_nodes.tsv` maps the graph's weights to the modules of torch-fidelity that hold them.
torch-fidelity computes in float64, including its resize. In a separate environment:

    python -m venv /tmp/oracle
    /tmp/oracle/bin/pip install torch==2.13.0 numpy tqdm
    /tmp/oracle/bin/pip install --no-deps torch-fidelity==0.4.0
    /tmp/oracle/bin/python tests/golden/make_inception.py
"""

import importlib.util
import pathlib
import sys
import tempfile
import types

import numpy as np

OUTPUT = pathlib.Path(__file__).with_name("inception.npz")
NODES = pathlib.Path(__file__).with_name("inception_nodes.tsv")
SHAPES = ((32, 32), (64, 64), (299, 299), (40, 56))
OUTPUTS = ("64", "192", "768", "2048", "logits", "logits_unbiased")
BATCH_NORM = {"gamma": "weight", "beta": "bias"}
BATCH_NORM |= {"moving_mean": "running_mean", "moving_variance": "running_var"}


def read_nodes():
    """Returns (node, module, shape) of convolutions, batch norms and the classifier's pair."""
    lines = NODES.read_text().splitlines()[1:]
    fields = (line.split("\t") for line in lines)
    return [(node, module, tuple(map(int, shape.split("x")))) for node, module, shape in fields]


def uniform(name, shape, low, high):
    """Returns float32 numbers that depend only on the name: NumPy never changes this stream."""
    random = np.random.RandomState(list(name.encode()))
    return (low + (high - low) * random.random_sample(shape)).astype("float32")


def random_arrays():
    """Returns the graph's constants by name; activations neither vanish nor explode."""
    arrays = {}
    for node, _, shape in read_nodes():
        if node.endswith("batchnorm"):
            arrays[f"{node}/gamma"] = uniform(f"{node}/gamma", shape, 0.5, 1.5)
            arrays[f"{node}/beta"] = uniform(f"{node}/beta", shape, -0.3, 0.3)
            arrays[f"{node}/moving_mean"] = uniform(f"{node}/moving_mean", shape, -0.3, 0.3)
            arrays[f"{node}/moving_variance"] = uniform(f"{node}/moving_variance", shape, 0.5, 1.5)
        elif node == "softmax/biases":
            arrays[node] = uniform(node, shape, -1, 1)
        else:
            limit = np.sqrt(6 / np.prod(shape[:-1]))  # He: keeps the variance through a ReLU
            arrays[node] = uniform(node, shape, -limit, limit)
    return arrays


def random_images():
    """Returns two uint8 images (2, height, width, 3) per shape: one grey, one in colour."""
    random = np.random.RandomState(0)
    batches = []
    for height, width in SHAPES:
        images = random.randint(0, 256, (2, height, width, 3)).astype("uint8")
        images[0] = images[0, :, :, :1] // 2  # makes the two images clearly different
        batches.append(images)
    return batches


def load_torch_fidelity(arrays, outputs=OUTPUTS, dtype="float64"):
    """Returns the module loaded with the arrays, bypassing its package's imports (torchvision)."""
    package = types.ModuleType("torch_fidelity")
    package.__path__ = importlib.util.find_spec("torch_fidelity").submodule_search_locations
    sys.modules["torch_fidelity"] = package
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    state = {}
    for node, module, _ in read_nodes():
        if node.endswith("batchnorm"):
            for name, torch_name in BATCH_NORM.items():
                state[f"{module}.{torch_name}"] = arrays[f"{node}/{name}"]
            state[f"{module}.num_batches_tracked"] = np.array(0)
        elif node.endswith("conv2d_params"):
            state[f"{module}.weight"] = arrays[node].transpose(3, 2, 0, 1).copy()
        else:
            state[module] = arrays[node].T.copy()
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save({name: torch.from_numpy(array) for name, array in state.items()}, file.name)
        return FeatureExtractorInceptionV3(
            "inception-v3-compat",
            list(outputs),
            feature_extractor_weights_path=file.name,
            feature_extractor_internal_dtype=dtype,
        )


def main():
    import torch

    network = load_torch_fidelity(random_arrays())
    golden = {name: [] for name in OUTPUTS}
    for images in random_images():
        with torch.no_grad():
            outputs = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
        for name, output in zip(OUTPUTS, outputs, strict=True):
            golden[name].append(output.numpy())
    golden = {name: np.concatenate(arrays).astype("float32") for name, arrays in golden.items()}
    for name, x in golden.items():
        print(f"{name}: mean {x.mean():.3f}, spread over images {x.std(0).mean():.3f}")
    np.savez_compressed(OUTPUT, **golden)
    print(f"{OUTPUT}: {len(golden['2048'])} images, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
