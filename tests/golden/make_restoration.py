"""Records what SRGAN's networks compute in torch, for `tests/models/test_srgan.py`.

SRGAN's authors published no code: its networks are written down here from figure 4 of the paper.
Values in training mode, and gradients of the mean of their squares with respect to inputs and
weights. Arrays are float32 in the layouts and the order of Keras. Needs torch (2.13.0 was used) and
NumPy:

    python tests/golden/make_restoration.py
"""

import pathlib

import numpy as np
import torch
from torch import nn

OUTPUT = pathlib.Path(__file__).with_name("restoration.npz")
WITH_WEIGHTS = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.PReLU, nn.Linear)


def called_layers(network, inputs):
    """Returns what a network makes of its inputs, and its layers with weights as it calls them."""
    called = []
    hooks = [
        each.register_forward_hook(lambda layer, *_: called.append(layer))
        for each in network.modules()
        if isinstance(each, WITH_WEIGHTS)
    ]
    outputs = network(*inputs)
    for hook in hooks:
        hook.remove()
    return outputs, called


def layout(layer, tensor):
    """Kernels (out, in, h, w), or of transposed convolutions (in, out, h, w), as in Keras."""
    tensor = tensor.detach()
    if isinstance(layer, BeforeShuffle):  # Keras has the places of a channel outside, not inside
        tensor = tensor.unflatten(0, (-1, 4)).transpose(0, 1).flatten(0, 1)
    if isinstance(layer, nn.PReLU):
        return tensor.reshape(1, 1, -1).numpy()
    if isinstance(layer, nn.Linear) and tensor.ndim == 2:
        return tensor.T.numpy()
    return (tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor).numpy()


def channels_last(tensor):
    return tensor.detach().movedim(1, -1).numpy()


def record(name, network, *inputs):
    """Returns a network's arrays, after giving it random weights."""
    for parameter in network.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape)
    for each in inputs:
        each.requires_grad_()
    outputs, called = called_layers(network, inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    sum((each**2).mean() for each in outputs).backward()
    arrays = {f"y_{i}": channels_last(each) for i, each in enumerate(outputs)}
    arrays.update({f"x_{i}": channels_last(each) for i, each in enumerate(inputs)})
    arrays.update({f"x_gradient_{i}": channels_last(each.grad) for i, each in enumerate(inputs)})
    parameters = [(x, p) for x in called for p in (x.weight, getattr(x, "bias", None))]
    parameters = [(layer, p) for layer, p in parameters if p is not None]
    for place, (layer, parameter) in enumerate(parameters):
        arrays[f"weight_{place:03d}"] = layout(layer, parameter)
        arrays[f"gradient_{place:03d}"] = layout(layer, parameter.grad)
    return {f"{name}/{key}": np.ascontiguousarray(value) for key, value in arrays.items()}


# --- SRGAN ---


class BeforeShuffle(nn.Conv2d):
    """A convolution of 3x3 before a pixel shuffle."""


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


def norm(width):
    return nn.BatchNorm2d(width, eps=1e-5)


def conv(before, after):
    return nn.Conv2d(before, after, 3, padding=1, bias=False)


class SRResNet(nn.Module):
    def __init__(self, width, blocks):
        super().__init__()
        w = width
        self.first = nn.Sequential(nn.Conv2d(3, w, 9, padding=4), nn.PReLU(w))
        residual = [
            Residual(conv(w, w), norm(w), nn.PReLU(w), conv(w, w), norm(w)) for _ in range(blocks)
        ]
        self.trunk = Residual(*residual, conv(w, w), norm(w))
        shuffles = [
            (BeforeShuffle(w, 4 * w, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(w))
            for _ in range(2)
        ]
        self.last = nn.Sequential(*sum(shuffles, ()), nn.Conv2d(w, 3, 9, padding=4))

    def forward(self, small):
        return self.last(self.trunk(self.first((small + 1) / 2)))


class Judge(nn.Module):
    """SRGAN's discriminator of 32 pixels."""

    def __init__(self, width):
        super().__init__()
        slope, w = nn.LeakyReLU(0.2), width
        layers, before = [nn.Conv2d(3, w, 3, padding=1), slope], w
        for after, stride in [(w, 2)] + [(w * k, s) for k in (2, 4, 8) for s in (1, 2)]:
            # Keras pads the sides of a stride of 2 behind the last pixel
            pad = nn.ZeroPad2d((0, 1, 0, 1) if stride == 2 else 1)
            layers += [pad, nn.Conv2d(before, after, 3, stride, bias=False), norm(after), slope]
            before = after
        self.layers = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Linear(4 * before, 16 * w), slope, nn.Linear(16 * w, 1))

    def forward(self, images):
        return self.dense(self.layers(images).movedim(1, -1).flatten(1))


torch.manual_seed(0)
np.savez_compressed(
    OUTPUT,
    **record("srresnet", SRResNet(2, 2), torch.randn(2, 3, 5, 4)),
    **record("srgan_judge", Judge(2), torch.randn(3, 3, 32, 32)),
)
