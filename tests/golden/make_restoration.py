"""Records what the networks of SRGAN, the context encoder and NextFrame compute in torch, for their
files in `tests/models`.

They are written down here layer by layer: SRGAN's, whose authors published no code, from figure 4
of the paper; the context encoder's from `train.lua` of github.com/pathak22/context-encoder (commit
68abd11); NextFrame's from `get_model.lua` and `train_iclr_model.lua` of
github.com/coupriec/VideoPredictionICLR2016 (commit 802e902). Values in training mode, and
gradients of the mean of their squares with respect to inputs and weights. Arrays are float32 in the
layouts and the order of Keras. Needs torch (2.13.0 was used) and NumPy:

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


def record(name, network, *inputs, scale=0.3, input_gradients=True):
    """Returns a network's arrays, after giving it random weights of few digits."""
    for parameter in network.parameters():
        parameter.data = torch.round(128 * scale * torch.randn(parameter.shape)) / 128
    for each in inputs:
        each.requires_grad_()
    outputs, called = called_layers(network, inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    sum((each**2).mean() for each in outputs).backward()
    arrays = {f"y_{i}": channels_last(each) for i, each in enumerate(outputs)}
    arrays.update({f"x_{i}": channels_last(each) for i, each in enumerate(inputs)})
    if input_gradients:
        gradients = [channels_last(each.grad) for each in inputs]
        arrays.update({f"x_gradient_{i}": each for i, each in enumerate(gradients)})
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


# --- The context encoder ---


def halves(before, after, first=False):
    convolution = nn.Conv2d(before, after, 4, 2, 1, bias=False)
    return [convolution, *([] if first else [norm(after)]), nn.LeakyReLU(0.2)]


def doubles(before, after):
    return [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), norm(after), nn.ReLU()]


def context_encoder(channels, bottleneck):
    """netG of 128 pixels, with nef = ngf = 1."""
    return nn.Sequential(
        *halves(channels, 1, first=True),
        *(layer for pair in ((1, 1), (1, 2), (2, 4), (4, 8)) for layer in halves(*pair)),
        *(nn.Conv2d(8, bottleneck, 4, bias=False), norm(bottleneck), nn.LeakyReLU(0.2)),
        *(nn.ConvTranspose2d(bottleneck, 8, 4, bias=False), norm(8), nn.ReLU()),
        *(layer for pair in ((8, 4), (4, 2), (2, 1)) for layer in doubles(*pair)),
        nn.ConvTranspose2d(1, channels, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def context_judge(channels):
    """netD of 64 pixels, with ndf = 1, without its sigmoid."""
    return nn.Sequential(
        *halves(channels, 1, first=True),
        *(layer for pair in ((1, 2), (2, 4), (4, 8)) for layer in halves(*pair)),
        nn.Conv2d(8, 1, 4, bias=False),
        nn.Flatten(),
    )


def dots(*shape):
    """Pictures of -1, 0 and 1, which are small files."""
    return torch.randint(-1, 2, shape).float()


# --- NextFrame ---

SCALES = (8, 4, 2, 1)
PREDICTORS = ("3 3 3 3", "5 3 3 5", "5 3 3 3 3 5", "7 5 5 5 5 7")
MAPS = ((1, 2, 1), (1, 2, 1), (1, 2, 4, 2, 1), (1, 2, 4, 2, 1))
JUDGES = (
    ("3", (1,), (8, 4)),
    ("3 3 3", (1, 2, 2), (16, 8)),
    ("5 5 5", (2, 4, 4), (16, 8)),
    ("7 7 5 5", (2, 4, 8, 2), (16, 8)),
)


def reduced(x, scale):
    return nn.functional.avg_pool2d(x, scale)


class Predictor(nn.Module):
    """getPyrModel: films as maps (N, frames * C, H, W) -> guesses of all scales."""

    def __init__(self, frames, channels, width):
        super().__init__()
        self.scales = nn.ModuleList()
        for scale, kernels, maps in zip(SCALES, PREDICTORS, MAPS, strict=True):
            before = frames * channels + (channels if scale < 8 else 0)
            layers = []
            sizes = [int(kernel) for kernel in kernels.split()]
            for kernel, multiple in zip(sizes, (*maps, None), strict=True):
                after = channels if multiple is None else multiple * width
                layers += [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU()]
                before = after
            self.scales.append(nn.Sequential(*layers[:-1]))

    def forward(self, x):
        guesses = []
        for scale, network in zip(SCALES, self.scales, strict=True):
            seen = reduced(x, scale)
            if guesses:
                enlarged = guesses[-1].repeat_interleave(2, 2).repeat_interleave(2, 3)
                guesses.append(torch.tanh(network(torch.cat([seen, enlarged], 1)) + enlarged))
            else:
                guesses.append(torch.tanh(network(seen)))
        return guesses


class FilmJudge(nn.Module):
    """getPyrAdv of 32 pixels, with the numbers of table 1 for a width of 2, without its sigmoid."""

    def __init__(self, frames, channels):
        super().__init__()
        self.scales = nn.ModuleList()
        for scale, (kernels, maps, units) in zip(SCALES, JUDGES, strict=True):
            before, side, layers = (frames + 1) * channels, 32 // scale, []
            sizes = [int(kernel) for kernel in kernels.split()]
            for kernel, after in zip(sizes, maps, strict=True):
                layers += [nn.Conv2d(before, after, kernel), nn.ReLU()]
                before, side = after, side - kernel + 1
            if scale == 1:
                layers, side = [*layers, nn.MaxPool2d(2), nn.ReLU()], side // 2
            layers, before = [*layers, ChannelsLast(), nn.Flatten()], before * side * side
            for after in units:
                layers += [nn.Linear(before, after), nn.ReLU()]
                before = after
            self.scales.append(nn.Sequential(*layers, nn.Linear(before, 1)))

    def forward(self, x, *guesses):
        return [
            network(torch.cat([reduced(x, scale), guess], 1))
            for scale, network, guess in zip(SCALES, self.scales, guesses, strict=True)
        ]


class ChannelsLast(nn.Module):
    def forward(self, x):
        return x.movedim(1, -1)


torch.manual_seed(0)
np.savez_compressed(
    OUTPUT,
    **record("srresnet", SRResNet(2, 2), torch.randn(2, 3, 5, 4)),
    **record("srgan_judge", Judge(2), torch.randn(3, 3, 32, 32)),
    **record(
        "context_encoder", context_encoder(1, 62), dots(3, 1, 128, 128), input_gradients=False
    ),
    **record("context_judge", context_judge(3), dots(3, 3, 64, 64)),
    **record("predictor", Predictor(2, 3, 2), dots(2, 6, 32, 32), scale=0.1),
    **record(
        "film_judge",
        FilmJudge(2, 1),
        dots(3, 2, 32, 32),
        *(dots(3, 1, 32 // scale, 32 // scale) for scale in SCALES),
    ),
)
