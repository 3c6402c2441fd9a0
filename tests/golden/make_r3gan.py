"""Records what R3GAN's authors' code computes, for `tests/models/test_r3gan.py` and
`tests/test_grouped.py`.

Values and gradients of their resampling layers, residual block, networks, and of both losses with
penalties; values of their schedules; and PyTorch's grouped convolution. Arrays are float32 in the
layouts of Keras (images NHWC, kernels HWIO). Needs torch (2.13.0 was used), NumPy and a checkout of
https://github.com/brownvc/R3GAN (commit 19a7ddf):

    python tests/golden/make_r3gan.py PATH_OF_THE_CHECKOUT
"""

import ast
import pathlib
import sys
import types

import numpy as np
import torch

OUTPUT = pathlib.Path(__file__).with_name("r3gan.npz")
CHECKOUT = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(CHECKOUT))
# What their CUDA operators and downloads import, which nothing here calls
sys.modules.setdefault("requests", types.ModuleType("requests"))
versions = types.ModuleType("pkg_resources")
versions.parse_version = lambda text: [int(part) for part in text.split(".")[:2]]
sys.modules.setdefault("pkg_resources", versions)

from R3GAN import Networks, Resamplers, Trainer  # noqa: E402

WIDTHS, CARDINALITY, BLOCKS, CLASSES, DIM, GAMMA = [8] * 3, [2] * 3, [1] * 3, 3, 6, 20.0
COUNTS = (0, 1_000_000, 5_000_000, 13_000_000, 20_000_000, 30_000_000)


def random(*shape):
    return torch.randn(shape, generator=GENERATOR)


GENERATOR = torch.Generator().manual_seed(0)


def layout(name, tensor):
    """Returns a parameter or its gradient as Keras lays it out."""
    tensor = tensor.detach().clone()
    if name.endswith("Basis.weight") or name.endswith(".Basis"):  # (C, 1, H, W) or (C, H, W)
        return tensor.reshape(tensor.shape[0], *tensor.shape[-2:]).permute(1, 2, 0)
    if tensor.ndim == 4:
        return tensor.permute(2, 3, 1, 0)
    return tensor.T if tensor.ndim == 2 else tensor


def images(tensor):
    return tensor.detach().permute(0, 2, 3, 1)


def forward_order(module):
    """Returns names and parameters of a network in the order of its forward pass."""
    named = dict(module.named_parameters())

    def place(name):
        stage = int(name.split(".")[1]) if name.startswith("MainLayers") else -1
        layer = int(name.split(".")[3]) if name.startswith("MainLayers") else -1
        within = next((i for i, key in enumerate(ORDER) if key in name), len(ORDER))
        if name.endswith("LinearLayer.weight") and layer == 0:  # before the generator's basis
            within = -1
        first = 0 if "ExtractionLayer" in name or "EmbeddingLayer" in name else 1
        last = 1 if "AggregationLayer" in name else 0
        return last, first, stage, layer, within

    return [(name, named[name]) for name in sorted(named, key=place)]


ORDER = ("Basis", "LinearLayer1", "NonLinearity1", "LinearLayer2", "NonLinearity2", "LinearLayer3")


def shake(module):
    """Moves all parameters away from zero, where gradients of others would vanish."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * random(*parameter.shape)


def parameters(prefix, module):
    arrays = {}
    for number, (name, parameter) in enumerate(forward_order(module)):
        arrays[f"{prefix}/weight/{number:02d}"] = layout(name, parameter)
        arrays[f"{prefix}/gradient/{number:02d}"] = layout(name, parameter.grad)
    return arrays


def resampling():
    arrays = {}
    for name, layer in (
        ("up", Resamplers.InterpolativeUpsampler([1, 2, 1])),
        ("down", Resamplers.InterpolativeDownsampler([1, 2, 1])),
    ):
        x = random(2, 5, 8, 6).requires_grad_(True)
        y = layer(x)
        (y.square().sum() + y.sum()).backward()
        arrays.update({f"{name}/x": images(x), f"{name}/y": images(y)})
        arrays[f"{name}/gradient"] = images(x.grad)
    return arrays


def grouped():
    x = random(2, 96, 5, 4).requires_grad_(True)
    kernel = random(48, 16, 3, 3).requires_grad_(True)
    y = torch.nn.functional.conv2d(x, kernel, padding=1, groups=6)
    (y.square().sum() + y.sum()).backward()
    return {
        "grouped/x": images(x),
        "grouped/kernel": layout("", kernel),
        "grouped/y": images(y),
        "grouped/x_gradient": images(x.grad),
        "grouped/kernel_gradient": layout("", kernel.grad),
    }


def block():
    layer = Networks.ResidualBlock(12, 3, 2, 3, 4)
    shake(layer)
    x = random(2, 12, 6, 4).requires_grad_(True)
    y = layer(x)
    (y.square().sum() + y.sum()).backward()
    return {
        "block/x": images(x),
        "block/y": images(y),
        "block/x_gradient": images(x.grad),
        **parameters("block", layer),
    }


def game():
    """One evaluation of each player's loss, of conditional networks for 16 pixels."""
    g = Networks.Generator(DIM, WIDTHS, CARDINALITY, BLOCKS, 2, CLASSES, DIM)
    d = Networks.Discriminator(WIDTHS, CARDINALITY, BLOCKS, 2, CLASSES, WIDTHS[-1])
    shake(g)
    shake(d)
    trainer = Trainer.AdversarialTraining(g, d)
    z, real, labels = random(4, DIM), random(4, 3, 16, 16), torch.tensor([2, 0, 1, 1])
    condition = torch.nn.functional.one_hot(labels, CLASSES).float()
    arrays = {"z": z, "real": images(real), "labels": labels, "fake": images(g(z, condition))}
    loss, logits, r1, r2 = trainer.AccumulateDiscriminatorGradients(z, real, condition, GAMMA)
    arrays.update(d_loss=loss, d_logits=logits, r1=r1, r2=r2, **parameters("d", d))
    g.zero_grad()
    loss, _ = trainer.AccumulateGeneratorGradients(z, real, condition)
    arrays.update(g_loss=loss, **parameters("g", g))
    return arrays


def schedules():
    tree = ast.parse((CHECKOUT / "training" / "training_loop.py").read_text())
    (found,) = [n for n in tree.body if getattr(n, "name", "") == "cosine_decay_with_warmup"]
    scope = {"np": np}
    exec(compile(ast.Module([found], []), "training_loop", "exec"), scope)

    def values(start, end):
        return torch.tensor(
            [
                scope["cosine_decay_with_warmup"](n, start, total_nimg=2e7, final_value=end)
                for n in COUNTS
            ]
        )

    return {
        "schedule/images": torch.tensor(COUNTS),
        "schedule/rate": values(2e-4, 5e-5),
        "schedule/beta_2": values(0.9, 0.99),
        "schedule/gamma": values(0.05, 0.005),
        "schedule/half_life": values(0.0, 5e6),
    }


def main():
    torch.manual_seed(0)
    arrays = {**resampling(), **grouped(), **block(), **game(), **schedules()}
    arrays = {name: value.detach().numpy() for name, value in arrays.items()}
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT}: {len(arrays)} arrays, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
