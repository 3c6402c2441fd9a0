"""Records what WaveGAN's networks compute in PyTorch, for `tests/models/test_wavegan.py`.

Written from the authors' TensorFlow 1 code, `wavegan.py` and `train_wavegan.py` of
https://github.com/chrisdonahue/wavegan, layer by layer: "same" padding by hand, phase shuffle as
they pad and cut. Values of the generator and their gradients; of the critic with given shifts, the
loss of WGAN-GP and its gradients, which go through the gradient of the critic. Arrays are float32
in the layouts of Keras. Needs torch (2.13.0 was used) and NumPy:

    python tests/golden/make_wavegan.py
"""

import pathlib

import numpy as np
import torch
from torch.nn import functional

OUTPUT = pathlib.Path(__file__).with_name("wavegan.npz")
KERNEL, LATENT, LAMBDA = 25, 6, 10.0
SHIFTS = [[2, -1, 1, 0], [-2, 2, 0, 1], [1, -2, 2, -1]]  # real, fake, in between; by layer

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def weight(*shape):
    fan = np.prod(shape[:-1]) if len(shape) > 1 else 1
    return (torch.randn(*shape) * (0.1 if len(shape) == 1 else fan**-0.5)).requires_grad_()


def conv_transpose(x, kernel, bias, stride=4):
    """The gradient of a convolution with "same" padding; kernels are (width, out, in)."""
    full = functional.conv_transpose1d(x, kernel.permute(2, 1, 0), stride=stride)
    before = (KERNEL - stride) // 2
    return full[:, :, before : before + stride * x.shape[2]] + bias[:, None]


def conv(x, kernel, bias, stride=4):
    """Kernels are (width, in, out)."""
    missing = KERNEL - stride
    x = functional.pad(x, (missing // 2, missing - missing // 2))
    return functional.conv1d(x, kernel.permute(2, 1, 0), bias, stride=stride)


def phase_shuffle(x, phase):
    """`apply_phaseshuffle`"""
    pad_l, pad_r = max(phase, 0), max(-phase, 0)
    padded = functional.pad(x, (pad_l, pad_r), mode="reflect")
    return padded[:, :, pad_r : pad_r + x.shape[2]]


def generator(z, weights):
    kernel, bias, *others = weights
    x = z @ kernel + bias
    x = x.reshape(len(z), 16, -1).transpose(1, 2).relu()
    while len(others) > 2:
        kernel, bias, *others = others
        x = conv_transpose(x, kernel, bias).relu()
    return torch.tanh(conv_transpose(x, *others)).transpose(1, 2)


def critic(audio, weights, shifts):
    x, *others = audio.transpose(1, 2), *weights
    shifts = list(shifts)
    while len(others) > 1:
        kernel, bias, *others = others
        x = functional.leaky_relu(conv(x, kernel, bias), 0.2)
        if len(others) > 1 and shifts:
            x = phase_shuffle(x, shifts.pop(0))
    return x.transpose(1, 2).flatten(1) @ others[0]


def networks(length, width):
    """Returns the weights of both networks in the order of Keras."""
    layers = {4096: 4, 16384: 5}[length]
    channels = [1, *(width * 2**level for level in range(layers))]
    g = [weight(LATENT, 16 * channels[-1]), weight(16 * channels[-1])]
    for given, made in zip(channels[:0:-1], channels[-2::-1], strict=True):
        g += [weight(KERNEL, made, given), weight(made)]
    d = []
    for given, made in zip(channels[:-1], channels[1:], strict=True):
        d += [weight(KERNEL, given, made), weight(made)]
    return g, [*d, weight(16 * channels[-1], 1)]


def record(length, width):
    g, d = networks(length, width)
    z = (torch.rand(2, LATENT) * 2 - 1).requires_grad_()
    audio = generator(z, g)
    g_gradients = torch.autograd.grad((audio**2).mean(), [z, *g])

    real, fake = torch.round((torch.rand(2, 2, length, 1) * 2 - 1) * 64) / 64  # compresses
    alpha = torch.rand(2)  # the real sound's share
    share = alpha[:, None, None]
    between = (share * real + (1 - share) * fake).requires_grad_()
    logits = [critic(x, d, s) for x, s in zip((real, fake, between), SHIFTS, strict=True)]
    (slopes,) = torch.autograd.grad(logits[2].sum(), between, create_graph=True)
    penalty = ((slopes.pow(2).sum((1, 2)).sqrt() - 1) ** 2).mean()
    loss = logits[1].mean() - logits[0].mean() + LAMBDA * penalty
    d_gradients = torch.autograd.grad(loss, d)
    assert all(each.abs().max() > 0 for each in (*g_gradients, *d_gradients))
    arrays = {"z": z, "audio": audio, "real": real, "fake": fake, "alpha": alpha}
    arrays |= {"logits": torch.cat(logits[:2]), "penalty": penalty, "loss": loss}
    arrays |= {f"g{i}": w for i, w in enumerate(g)}
    arrays |= {f"d{i}": w for i, w in enumerate(d)}
    arrays |= {f"g_gradient{i}": w for i, w in enumerate(g_gradients)}  # the first is that of z
    arrays |= {f"d_gradient{i}": w for i, w in enumerate(d_gradients)}
    return {f"{length}/{k}": v.detach().numpy().astype("float32") for k, v in arrays.items()}


if __name__ == "__main__":
    np.savez_compressed(
        OUTPUT, **record(4096, 2), **record(16384, 2), shifts=np.array(SHIFTS, np.int32)
    )
