"""Writes augment.npz: what the authors' code makes of given pictures and random numbers.

    python tests/golden/make_augment.py DATA_EFFICIENT_GANS STYLEGAN2_ADA_PYTORCH

Needs PyTorch, SciPy and checkouts of github.com/mit-han-lab/data-efficient-gans and
github.com/NVlabs/stylegan2-ada-pytorch (d72cc7d), both run as they are. Random numbers are handed
to them in the order in which they ask for them.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import torch

NUM, SIDES = 4, (20, 24)
P = (0.3, 1.0)
# ADA's pipeline "bgc".
BGC = ["xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac"]
BGC += ["brightness", "contrast", "lumaflip", "hue", "saturation"]


class Queue:
    """Answers `torch.rand`, `randn` and `randint` with columns of given numbers."""

    def __init__(self, uniform, normal):
        self.uniform, self.normal = iter(uniform.T), iter(normal.T)

    @staticmethod
    def _shape(size):
        size = list(size[0]) if isinstance(size[0], (list, tuple, torch.Size)) else list(size)
        return size, (2 if len(size) == 2 and size[1] == 2 else 1)

    def _take(self, columns, size):
        size, number = self._shape(size)
        taken = np.stack([next(columns) for _ in range(number)], axis=1)
        return torch.tensor(taken.astype(np.float32)).reshape(size)

    def rand(self, *size, **_):
        return self._take(self.uniform, size)

    def randn(self, *size, **_):
        return self._take(self.normal, size)

    def randint(self, low, high, size, **_):
        return (self._take(self.uniform, (size,)) * (high - low)).floor().long() + low


def run(function, images, weights, queue):
    """Returns the output (N, H, W, C) and the gradient of its weighted sum."""
    kept = {name: getattr(torch, name) for name in ("rand", "randn", "randint")}
    for name in kept:
        setattr(torch, name, getattr(queue, name))
    try:
        x = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
        made = function(x)
    finally:
        for name, each in kept.items():
            setattr(torch, name, each)
    (made * torch.tensor(weights.transpose(0, 3, 1, 2))).sum().backward()
    return [each.detach().numpy().transpose(0, 2, 3, 1) for each in (made, x.grad)]


def main(diffaugment, ada):
    sys.path[:0] = [diffaugment, ada]
    policy = importlib.import_module("DiffAugment_pytorch").DiffAugment
    pipe = importlib.import_module("training.augment").AugmentPipe(**dict.fromkeys(BGC, 1))
    rng, found = np.random.default_rng(0), {}
    for channels in (1, 3):
        shape = (NUM, *SIDES, channels)
        images = rng.uniform(-1, 1, shape).astype(np.float32)
        weights = rng.normal(size=shape).astype(np.float32)
        uniform = rng.uniform(size=(NUM, 21)).astype(np.float32)
        # Within two standard deviations, so that no picture needs more than one mirror image.
        normal = np.clip(rng.normal(size=(NUM, 7)), -2, 2).astype(np.float32) * 0.5
        given = {"images": images, "weights": weights, "uniform": uniform, "normal": normal}
        queue = Queue(uniform, normal)
        made, gradient = run(
            lambda x: policy(x, "color,translation,cutout"), images, weights, queue
        )
        given.update(diffaugment=made, diffaugment_gradient=gradient)
        for p in P:
            pipe.p.copy_(torch.tensor(p))
            made, gradient = run(pipe, images, weights, Queue(uniform, normal))
            given.update({f"ada_{p}": made, f"ada_{p}_gradient": gradient})
        found.update({f"{name}_{channels}": values for name, values in given.items()})
    np.savez_compressed(Path(__file__).parent / "augment.npz", **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
