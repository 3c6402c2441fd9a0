"""Records results of PyTorch for BigGAN: `tests/test_layers.py`, `tests/models/test_biggan.py`.

- A batch norm whose scale and shift are spectrally normalised projections of a vector: outputs and
  running averages of two training passes, the outputs of an evaluation pass, and the gradients of
  sum(y^3) of the second pass with respect to input, vector and both kernels.
- The path of a class into a block: the row of the shared embedding, joined to a chunk of z.
- The orthogonal regulariser, Eq. (3), of kernels of two kinds, by autograd; and the gradient that
  `utils.ortho` in github.com/ajbrock/BigGAN-PyTorch adds, which is half of it.

Arrays are float32, in the layouts of Keras. Needs torch (2.13.0 was used) and NumPy:

    /tmp/oracle/bin/python tests/golden/make_biggan.py
"""

import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

OUTPUT = pathlib.Path(__file__).with_name("biggan.npz")
CLASSES, SHARED, CHUNK, CHANNELS = 4, 6, 3, 5


def batch_norm(generator):
    """Records the conditional batch norm on the vector that classes and latents make."""
    shared = nn.Embedding(CLASSES, SHARED)
    made = {"embeddings": shared.weight}
    projections = {}
    for name in ("gain", "bias"):
        linear = nn.Linear(SHARED + CHUNK, CHANNELS, bias=False)
        with torch.no_grad():
            linear.weight.copy_(torch.randn(linear.weight.shape, generator=generator))
        projections[name] = spectral_norm(linear, eps=1e-12)
        made[f"{name}_kernel"] = linear.weight_orig.T.clone()
        made[f"{name}_u"], made[f"{name}_v"] = linear.weight_u.clone(), linear.weight_v.clone()

    def run(x, condition, training):
        for linear in projections.values():
            linear.train(training)
        normed = functional.batch_norm(x, mean, variance, None, None, training, 0.1, 1e-5)
        gain, bias = (projections[name](condition)[..., None, None] for name in ("gain", "bias"))
        return normed * (1.0 + gain) + bias

    mean, variance = torch.zeros(CHANNELS), torch.ones(CHANNELS)
    for step in range(3):
        x = 2.0 + 3.0 * torch.randn((4, CHANNELS, 4, 6), generator=generator)
        z = torch.randn((4, CHUNK), generator=generator)
        labels = torch.randint(CLASSES, (4,), generator=generator)
        condition = torch.cat([shared(labels), z], 1).detach().requires_grad_()
        x.requires_grad_()
        y = run(x, condition, training=step < 2)
        if step == 1:
            y.pow(3).sum().backward()
            made["x_gradient"] = x.grad.permute(0, 2, 3, 1)
            made["condition_gradient"] = condition.grad
            for name, linear in projections.items():
                made[f"{name}_gradient"] = linear.weight_orig.grad.T
        made |= {
            f"x_{step}": x.permute(0, 2, 3, 1),
            f"z_{step}": z,
            f"labels_{step}": labels.int(),
            f"condition_{step}": condition,
            f"y_{step}": y.permute(0, 2, 3, 1),
            f"mean_{step}": mean.clone(),
            f"variance_{step}": variance.clone(),
        }
    return made


def regulariser(generator):
    """Records Eq. (3) of a convolution (out, in, h, w) and of a linear layer (out, in)."""
    made = {}
    for name, shape, axes in (("conv", (6, 2, 3, 3), (2, 3, 1, 0)), ("dense", (9, 4), (1, 0))):
        kernel = torch.randn(shape, generator=generator).requires_grad_()
        w = kernel.reshape(len(kernel), -1)
        others = 1.0 - torch.eye(len(w))
        value = ((w @ w.T) * others).square().sum()
        value.backward()
        authors = 2 * ((w @ w.T) * others) @ w
        made |= {
            f"{name}_kernel": kernel.permute(axes),
            f"{name}_value": value,
            f"{name}_gradient": kernel.grad.permute(axes),
            f"{name}_authors": authors.reshape(shape).permute(axes),
        }
    return made


def main():
    torch.manual_seed(0)  # of the first u and v
    generator = torch.Generator().manual_seed(0)
    parts = {"norm": batch_norm(generator), "ortho": regulariser(generator)}
    arrays = {
        f"{part}/{name}": np.ascontiguousarray(tensor.detach().numpy())
        for part, made in parts.items()
        for name, tensor in made.items()
    }
    np.savez_compressed(OUTPUT, **arrays)
    print(f"{OUTPUT}: {len(arrays)} arrays, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
