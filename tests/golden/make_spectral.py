"""Records the results of PyTorch's spectral normalisation for `tests/test_spectral.py`.

`torch.nn.utils.spectral_norm` on a convolution, a transposed convolution, a linear layer and an
embedding: the outputs of two training passes and one evaluation pass, and for each the gradient of
sum(y^2) + sum(y) with respect to the kernel. Arrays are float32 in the layouts of Keras (images
NHWC, kernels HWIO or HWOI). Needs torch (2.13.0 was used) and NumPy:

    /tmp/oracle/bin/python tests/golden/make_spectral.py
"""

import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn.utils import spectral_norm

OUTPUT = pathlib.Path(__file__).with_name("spectral.npz")

# Each layer, and the permutation of its kernel's axes that gives Keras's layout.
LAYERS = {
    "conv": (nn.Conv2d(3, 5, 3, padding=1), (2, 3, 1, 0)),
    "conv_transpose": (nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1), (2, 3, 1, 0)),
    "dense": (nn.Linear(7, 4), (1, 0)),
    "embedding": (nn.Embedding(6, 4), (0, 1)),
}


def inputs_of(name, generator):
    if name == "embedding":
        return torch.tensor([3, 0, 3, 5, 1])
    shape = (2, 7) if name == "dense" else (2, 3, 6, 6)
    return torch.randn(shape, generator=generator)


def channels_last(x):
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def keras_v(v, name):
    if not name.startswith("conv"):
        return v
    side = 3 if name == "conv" else 4
    return v.reshape(3, side, side).permute(1, 2, 0).reshape(-1)  # (in, h, w) -> (h, w, in)


def run(layer, inputs, axes):
    """Returns the output and the gradient with respect to the kernel, as Keras lays it out."""
    layer.zero_grad()
    outputs = layer(inputs)
    (outputs.square().sum() + outputs.sum()).backward()
    return channels_last(outputs), layer.weight_orig.grad.permute(axes)


def record(name, layer, axes, generator):
    inputs = inputs_of(name, generator)
    with torch.no_grad():
        # Norms far from 1, and no bias at 0
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator))
        if name != "embedding":
            layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator))
    layer = spectral_norm(layer)
    arrays = {
        "inputs": channels_last(inputs),
        "kernel": layer.weight_orig.permute(axes),
        "u": layer.weight_u,
        "v": keras_v(layer.weight_v, name),
    }
    if name != "embedding":
        arrays["bias"] = layer.bias
    arrays = {key: value.detach().clone() for key, value in arrays.items()}

    layer.train()
    arrays["first_outputs"], arrays["first_gradient"] = run(layer, inputs, axes)
    arrays["second_outputs"], arrays["second_gradient"] = run(layer, inputs, axes)
    arrays["second_u"] = layer.weight_u.clone()
    arrays["second_v"] = keras_v(layer.weight_v, name).clone()
    # Simulates an optimizer step after the last pass: u and v lag behind the kernel.
    with torch.no_grad():
        layer.weight_orig += 0.1 * torch.randn(layer.weight_orig.shape, generator=generator)
    arrays["moved_kernel"] = layer.weight_orig.permute(axes)
    layer.eval()
    arrays["eval_outputs"], arrays["eval_gradient"] = run(layer, inputs, axes)
    return {f"{name}/{key}": value.detach().numpy() for key, value in arrays.items()}


def main():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    arrays = {}
    for name, (layer, axes) in LAYERS.items():
        arrays.update(record(name, layer, axes, generator))
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT}: {len(arrays)} arrays, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
