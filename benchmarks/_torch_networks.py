"""The networks and training steps of kerasgan's models in idiomatic PyTorch.

`Network(model)` translates a Keras network, weights included; `loop(name, gan)` trains the two
translated networks eagerly with the algorithm of the model's paper.
"""

import keras
import numpy as np
import torch
import torch.nn.functional as F
from _hand_written import ALGORITHMS
from torch import nn

from kerasgan.layers.pyramid import BINOMIAL

# --- Networks: images are (N, C, H, W) internally ---


def tensor(array):
    return nn.Parameter(torch.tensor(np.asarray(array)))


def same_padding(size, kernel, stride):
    """Returns the number of zeros before and after, as in TensorFlow."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Conv(nn.Module):
    def __init__(self, layer):
        super().__init__()
        height, _, entering, leaving = layer.kernel.shape
        stride = layer.strides[0]
        size = layer.input.shape[1] if height > 1 else 1
        before, after = same_padding(size, height, stride) if layer.padding == "same" else (0, 0)
        self.uneven = (before, after, before, after) if before != after else None
        padding = 0 if self.uneven else before
        self.conv = nn.Conv2d(entering, leaving, height, stride, padding, bias=layer.use_bias)
        self.conv.weight = tensor(np.transpose(layer.kernel, (3, 2, 0, 1)))
        if layer.use_bias:
            self.conv.bias = tensor(layer.bias)
        self.activation = activation(layer)

    def forward(self, x):
        return self.activation(self.conv(F.pad(x, self.uneven) if self.uneven else x))


class ConvTranspose(nn.Module):
    def __init__(self, layer):
        super().__init__()
        size, _, leaving, entering = layer.kernel.shape
        self.odd = size % 2
        self.conv = nn.ConvTranspose2d(entering, leaving, size, 2, 1, bias=layer.use_bias)
        self.conv.weight = tensor(np.transpose(layer.kernel, (3, 2, 0, 1)))
        if layer.use_bias:
            self.conv.bias = tensor(layer.bias)
        self.activation = activation(layer)

    def forward(self, x):
        x = self.conv(x)
        return self.activation(x[:, :, :-1, :-1] if self.odd else x)


class Dense(nn.Module):
    def __init__(self, layer):
        super().__init__()
        entering, leaving = layer.kernel.shape
        self.linear = nn.Linear(entering, leaving, bias=layer.use_bias)
        self.linear.weight = tensor(np.transpose(layer.kernel))
        if layer.use_bias:
            self.linear.bias = tensor(layer.bias)
        self.activation = activation(layer)

    def forward(self, x):
        return self.activation(self.linear(x))


class Maxout(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.linear = nn.Linear(*layer.kernel.shape)
        self.linear.weight, self.linear.bias = (
            tensor(np.transpose(layer.kernel)),
            tensor(layer.bias),
        )
        self.pieces = layer.pieces

    def forward(self, x):
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


class Attention(nn.Module):
    def __init__(self, layer):
        super().__init__()
        for name in ("theta", "phi", "g", "out"):
            setattr(self, name, spectral_conv(getattr(layer, name)).conv)
        self.gamma = tensor(layer.gamma)

    def forward(self, x):
        theta = self.theta(x).flatten(2).transpose(1, 2)
        phi, g = (F.max_pool2d(conv(x), 2).flatten(2) for conv in (self.phi, self.g))
        weights = torch.softmax(theta @ phi, dim=2)
        attended = (g @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gamma * self.out(attended)


class Blur(nn.Module):
    """kerasgan.layers.pyramid.blur."""

    def __init__(self, channels, stride=1, gain=1.0):
        super().__init__()
        kernel = torch.tensor(gain * BINOMIAL, dtype=torch.float32).repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel)
        self.stride, self.channels = stride, channels

    def forward(self, x):
        x = F.pad(x, (2, 2, 2, 2), mode="reflect")
        return F.conv2d(x, self.kernel, stride=self.stride, groups=self.channels)


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.blur = Blur(channels, gain=4.0)

    def forward(self, x):
        spread = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
        spread[:, :, ::2, ::2] = x
        return self.blur(spread)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def activation(layer):
    return {"linear": lambda x: x, "relu": F.relu, "tanh": torch.tanh}[layer.activation.__name__]


def batch_norm(layer):
    kind = nn.BatchNorm1d if len(layer.input.shape) == 2 else nn.BatchNorm2d
    norm = kind(layer.gamma.shape[0], layer.epsilon, 1.0 - layer.momentum)
    norm.weight, norm.bias = tensor(layer.gamma), tensor(layer.beta)
    norm.running_mean.copy_(torch.tensor(np.asarray(layer.moving_mean)))
    norm.running_var.copy_(torch.tensor(np.asarray(layer.moving_variance)))
    return norm


def reshape(layer):
    shape = layer.target_shape
    if len(shape) == 3:
        return Function(lambda x: x.reshape(-1, *shape).permute(0, 3, 1, 2))
    return Function(lambda x: x.reshape(-1, *shape))


def flatten(layer):
    if len(layer.input.shape) == 4:
        return Function(lambda x: x.permute(0, 2, 3, 1).flatten(1))
    return Function(lambda x: x.flatten(1))


def spectral(module, layer):
    """Adds spectral normalisation to a translated layer, with the same singular vectors."""
    nn.utils.spectral_norm(module)
    v = np.asarray(layer.v)
    if len(layer.kernel.shape) == 4:  # (h w in) -> (in h w)
        v = v.reshape(layer.kernel.shape[:3]).transpose(2, 0, 1).ravel()
    module.weight_u.copy_(torch.tensor(np.asarray(layer.u)))
    module.weight_v.copy_(torch.tensor(v))
    return module


def spectral_conv(layer):
    translated = Conv(layer)
    spectral(translated.conv, layer)
    return translated


def spectral_dense(layer):
    translated = Dense(layer)
    spectral(translated.linear, layer)
    return translated


TRANSLATIONS = {
    "Conv2D": Conv,
    "Conv2DTranspose": ConvTranspose,
    "Dense": Dense,
    "Maxout": Maxout,
    "SpectralConv2D": spectral_conv,
    "SpectralDense": spectral_dense,
    "SelfAttention": Attention,
    "BatchNormalization": batch_norm,
    "Reshape": reshape,
    "Flatten": flatten,
    "ReLU": lambda layer: nn.ReLU(),
    "LeakyReLU": lambda layer: nn.LeakyReLU(layer.negative_slope),
    "Dropout": lambda layer: nn.Dropout(layer.rate),
    "UpSampling2D": lambda layer: nn.Upsample(scale_factor=2),
    "AveragePooling2D": lambda layer: nn.AvgPool2d(2),
    "Add": lambda layer: Function(torch.add),
    "Concatenate": lambda layer: Function(lambda *parts: torch.cat(parts, 1)),
    "Cast": lambda layer: Function(lambda x: x),
    "Clip": lambda layer: Function(lambda x: x.clamp(layer.x_min, layer.x_max)),
    "Sum": lambda layer: Function(lambda x: x.sum((2, 3))),
    "OneHot": lambda layer: Function(lambda x: F.one_hot(x, layer.num_classes).float()),
}


class Network(nn.Module):
    """A Keras network, node by node. Images go in and come out as (N, C, H, W)."""

    def __init__(self, model):
        super().__init__()
        self.inputs = [id(tensor) for tensor in model.inputs]
        self.output = id(model.outputs[0])
        self.parts, self.wiring = nn.ModuleList(), []
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if isinstance(node.operation, keras.layers.InputLayer):
                    continue
                self.parts.append(TRANSLATIONS[type(node.operation).__name__](node.operation))
                ids = [id(tensor) for tensor in node.input_tensors]
                self.wiring.append((ids, id(node.outputs[0])))

    def forward(self, *inputs):
        values = dict(zip(self.inputs, inputs, strict=True))
        for part, (given, made) in zip(self.parts, self.wiring, strict=True):
            values[made] = part(*(values[key] for key in given))
        return values[self.output]


# --- Training ---


def number(value):
    """Returns a number, or the initial value of a schedule's config."""
    return value["config"]["start"] if isinstance(value, dict) else value


def adam(optimizer, network):
    """Returns the same optimizer for a translated network."""
    config = optimizer.get_config()
    rate = float(np.asarray(optimizer.learning_rate))
    if isinstance(optimizer, keras.optimizers.Adam):
        betas = config["beta_1"], config["beta_2"]
        return torch.optim.Adam(network.parameters(), rate, betas, config["epsilon"])
    return torch.optim.SGD(network.parameters(), rate, number(config["momentum"]) or 0.0)


def latents(gan, num):
    z = torch.randn(num, gan.latent_dim)
    return z if gan.signature.inputs["z"].uniform is None else torch.rand_like(z) * 2.0 - 1.0


# The discriminator's loss and the generator's.
LOSSES = {
    "log": (
        lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
        lambda fake: F.softplus(-fake).mean(),
    ),
    "least squares": (
        lambda real, fake: 0.5 * ((real - 1.0) ** 2).mean() + 0.5 * (fake**2).mean(),
        lambda fake: 0.5 * ((fake - 1.0) ** 2).mean(),
    ),
    "hinge": (
        lambda real, fake: F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean(),
        lambda fake: -fake.mean(),
    ),
}


def loop(name, gan):
    """Returns a function that trains both translated networks on a batch of torch tensors."""
    if name == "lapgan":
        return lapgan_step(gan)
    generator, discriminator = Network(gan.generator), Network(gan.discriminator)
    optimizers = [
        adam(optimizer, network)
        for optimizer, network in zip(
            gan.default_optimizers(), (generator, discriminator), strict=True
        )
    ]
    if name == "wgan_gp":
        return wgan_gp_step(gan, generator, discriminator, *optimizers)
    losses, shared = ALGORITHMS[name]
    return adversarial_step(gan, generator, discriminator, *optimizers, *LOSSES[losses], shared)


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def adversarial_step(gan, generator, discriminator, g_adam, d_adam, d_loss_of, g_loss_of, shared):
    def step(images, *label):
        with torch.set_grad_enabled(shared):
            fakes = generator(latents(gan, len(images)), *label)
        d_loss = d_loss_of(discriminator(images, *label), discriminator(fakes.detach(), *label))
        update(d_adam, d_loss)
        if not shared:
            fakes = generator(latents(gan, len(images)), *label)
        g_loss = g_loss_of(discriminator(fakes, *label))
        update(g_adam, g_loss)
        return d_loss.item(), g_loss.item()

    return step


def wgan_gp_step(gan, generator, critic, g_adam, d_adam):
    def step(images):
        num = len(images) // gan.n_critic
        for real in images.split(num):
            with torch.no_grad():
                fakes = generator(latents(gan, num))
            alpha = torch.rand(num, 1, 1, 1)
            mixed = (alpha * real + (1.0 - alpha) * fakes).requires_grad_()
            (gradients,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
            norms = (gradients.square().sum((1, 2, 3)) + 1e-12).sqrt()
            d_loss = critic(fakes).mean() - critic(real).mean()
            d_loss = d_loss + gan.gp_weight * ((norms - 1.0) ** 2).mean()
            update(d_adam, d_loss)
        g_loss = -critic(generator(latents(gan, num))).mean()
        update(g_adam, g_loss)
        return d_loss.item(), g_loss.item()

    return step


def lapgan_step(gan):
    levels = range(len(gan.sides))
    generators, discriminators = (
        nn.ModuleList(map(Network, networks)) for networks in gan.level_networks()
    )
    g_optimizer, d_optimizer = (
        adam(optimizer, networks)
        for optimizer, networks in zip(
            gan.default_optimizers(), (generators, discriminators), strict=True
        )
    )
    channels = gan.signature.output.shape[-1]
    d_loss_of, g_loss_of = LOSSES["log"]
    downsample, upsample = Blur(channels, stride=2), Upsample(channels)
    sizes = [100, *(side * side for side in gan.sides[1:])]

    def pyramid(images):
        residuals, lows = [], []
        for _ in levels[1:]:
            smaller = downsample(images)
            lows.insert(0, upsample(smaller))
            residuals.insert(0, images - lows[0])
            images = smaller
        return [images, *residuals], [[], *([low] for low in lows)]

    def step(images):
        residuals, conditions = pyramid(images)
        z = latents(gan, len(images)).split(sizes, 1)
        fakes = [generators[k](z[k], *conditions[k]) for k in levels]
        d_loss = sum(
            d_loss_of(
                discriminators[k](residuals[k], *conditions[k]),
                discriminators[k](fakes[k].detach(), *conditions[k]),
            )
            for k in levels
        )
        update(d_optimizer, d_loss)
        g_loss = sum(g_loss_of(discriminators[k](fakes[k], *conditions[k])) for k in levels)
        update(g_optimizer, g_loss)
        return d_loss.item(), g_loss.item()

    return step
