"""Records results of the authors' StyleGAN2 for `tests/test_style_layers.py` and
`tests/models/test_stylegan2.py`.

Layers, generator, discriminators and the two penalties of
https://github.com/NVlabs/stylegan2-ada-pytorch (commit d72cc7d), on a CPU: values, and gradients of
sum(y^2) + sum(y). Arrays are float32 in Keras's layouts (images NHWC, kernels HWIO). Needs torch
(2.13.0 was used), NumPy and a checkout:

    /tmp/oracle/bin/python tests/golden/make_stylegan2.py PATH_OF_CHECKOUT
"""

import pathlib
import sys
import types

import numpy as np
import torch

sys.modules.setdefault("requests", types.ModuleType("requests"))  # its downloads, not needed here
sys.path.insert(0, sys.argv[1])

from torch_utils.ops import upfirdn2d  # noqa: E402
from training import loss, networks  # noqa: E402

OUTPUT = pathlib.Path(__file__).with_name("stylegan2.npz")
SIDE, LATENT, CHANNELS = 16, 8, 3
FILTER = [1, 3, 3, 1]


def last(x):
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def first(x):
    return x.permute(0, 3, 1, 2)


def objective(outputs):
    return outputs.square().sum() + outputs.sum()


def leaf(*shape):
    return torch.randn(shape).requires_grad_()


def record(outputs, **leaves):
    """Returns outputs, inputs and gradients of a layer; 4-D leaves that are no kernels are NCHW."""
    gradients = torch.autograd.grad(objective(outputs), list(leaves.values()))
    arrays = {"outputs": last(outputs)}
    for (name, value), gradient in zip(leaves.items(), gradients, strict=True):
        layout = to_keras if name == "kernel" else last
        arrays[name], arrays[f"{name}_gradient"] = layout(value), layout(gradient)
    return arrays


def to_keras(kernel):
    """(out, in, h, w) -> (h, w, in, out), or (out, in) -> (in, out)"""
    return kernel.permute(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T


def filters():
    f = upfirdn2d.setup_filter(FILTER)
    image = leaf(2, 3, 6, 8)
    yield "upsample", record(upfirdn2d.upsample2d(image, f), inputs=image)
    for name, padding, stride in (("blur", 2, 1), ("downsample", 1, 2)):
        outputs = upfirdn2d.upfirdn2d(image, f, down=stride, padding=padding)
        yield name, record(outputs, inputs=image)


def modulated():
    for name, options in {
        "plain": {"padding": 1},
        "up": {"padding": 1, "up": 2, "flip_weight": False},
        "no_demodulation": {"padding": 1, "demodulate": False},
    }.items():
        x, kernel, styles = leaf(3, 4, 5, 6), leaf(7, 4, 3, 3), leaf(3, 4)
        scale = 1.0 if options.get("demodulate", True) else (4 * 9) ** -0.5
        outputs = networks.modulated_conv2d(
            x,
            kernel,
            styles * scale,
            resample_filter=upfirdn2d.setup_filter(FILTER),
            fused_modconv=True,
            **options,
        )
        yield f"modulated_{name}", record(outputs, inputs=x, kernel=kernel, styles=styles)


def equalized():
    dense = networks.FullyConnectedLayer(7, 4, activation="lrelu", lr_multiplier=0.01, bias_init=3)
    x = leaf(3, 7)
    yield "dense", record(dense(x), inputs=x, kernel=dense.weight, bias=dense.bias)
    for name, down in (("conv", 1), ("conv_down", 2)):
        conv = networks.Conv2dLayer(4, 5, 3, activation="lrelu", down=down)
        conv.bias.data.normal_()
        x = leaf(2, 4, 6, 8)
        yield name, record(conv(x), inputs=x, kernel=conv.weight, bias=conv.bias)


def minibatch():
    x = leaf(6, 4, 2, 3)
    neighbours = torch.arange(6).reshape(2, 3).T.flatten()  # its groups are every n-th picture
    outputs = networks.MinibatchStdLayer(3)(x[neighbours])[torch.argsort(neighbours)]
    yield "minibatch", record(outputs, inputs=x)


def mapping():
    network = networks.MappingNetwork(LATENT, 0, LATENT, num_ws=1, num_layers=2)
    randomize(network)
    z = leaf(4, LATENT)
    arrays = {"inputs": z, "start": network.w_avg.clone(), **parameters_of(network)}
    arrays["outputs"] = network(z, None)[:, 0]
    arrays["w_avg"] = network.w_avg.clone()
    network.eval()
    arrays["truncated"] = network(z, None, truncation_psi=0.7)[:, 0]
    (arrays["gradient"],) = torch.autograd.grad(objective(arrays["truncated"]), z)
    yield "mapping", arrays


def randomize(network):
    """Gives biases, noise and averages other values than 0."""
    for name, value in [*network.named_parameters(), *network.named_buffers()]:
        if name.endswith(("bias", "strength", "w_avg")):
            value.data.add_(0.3 * torch.randn(value.shape))


def parameters_of(network, gradients=None):
    """Returns parameters, or their gradients, by Keras's name: "b8_conv0_style/kernel"."""
    generates = not isinstance(network, networks.Discriminator)
    arrays = {}
    values = gradients or [value for _, value in network.named_parameters()]
    for (name, _), value in zip(network.named_parameters(), values, strict=True):
        arrays[keras_name(name, generates)] = keras_value(name, value)
    if gradients is None:
        for name, value in network.named_buffers():
            if name.endswith("noise_const"):
                arrays[keras_name(name, generates)] = value[:, :, None]
    return arrays


def keras_name(name, generates):
    """Noise, and the biases of a generator's convolutions, are layers of their own."""
    *path, kind = name.removeprefix("synthesis.").removeprefix("mapping.").split(".")
    layer = "_".join(path).replace("affine", "style")
    if kind == "const":
        return f"{layer}_constant/constant"
    if kind.startswith("noise"):
        return f"{layer}_noise/{kind.removeprefix('noise_').replace('const', 'constant')}"
    if generates and kind == "bias" and layer.endswith(("conv0", "conv1", "torgb")):
        return f"{layer}_bias/bias"
    return f"{layer}/{kind.replace('weight', 'kernel')}"


def keras_value(name, value):
    if name.endswith("const"):
        return value.permute(1, 2, 0)
    if not name.endswith("weight"):
        return value
    if name == "b4.fc.weight":  # (out, c h w) -> (h w c, out)
        return value.reshape(len(value), -1, 4, 4).permute(2, 3, 1, 0).reshape(-1, len(value))
    return to_keras(value)


def generator():
    network = networks.Generator(
        LATENT,
        0,
        LATENT,
        SIDE,
        CHANNELS,
        mapping_kwargs={"num_layers": 2},
        synthesis_kwargs={"channel_base": 32},
    )
    randomize(network)
    arrays = parameters_of(network)
    ws = leaf(4, network.num_ws, LATENT)
    images = network.synthesis(ws, noise_mode="const")
    synthesis = network.synthesis
    gradients = torch.autograd.grad(objective(images), [ws, *synthesis.parameters()])
    yield "generator", arrays
    yield "generator_gradients", parameters_of(synthesis, gradients[1:])
    yield "synthesis", {"inputs": ws, "outputs": last(images), "gradient": gradients[0]}
    yield "path_length", path_length(synthesis, ws)


def path_length(synthesis, ws):
    """The authors' penalty of each sample, with noise y, and their average before and after."""
    game = loss.StyleGAN2Loss("cpu", None, None, None, pl_batch_shrink=1)
    game.run_G = lambda z, c, sync: (synthesis(ws, noise_mode="const"), ws)
    game.pl_mean.fill_(0.3)
    drawn, told = [], {}
    randn_like, torch.randn_like = (
        torch.randn_like,
        lambda x: drawn.append(randn_like(x)) or drawn[0],
    )
    loss.training_stats.report = told.__setitem__
    game.accumulate_gradients("Greg", None, None, torch.zeros(4), torch.zeros(4), True, 1)
    torch.randn_like = randn_like
    penalty = told["Loss/pl_penalty"]
    return {
        "start": torch.tensor(0.3),
        "y": last(drawn[0]),
        "penalty": penalty,
        "end": game.pl_mean,
    }


def discriminators():
    for architecture in ("orig", "resnet"):
        network = networks.Discriminator(
            0,
            SIDE,
            CHANNELS,
            architecture=architecture,
            channel_base=32,
            epilogue_kwargs={"mbstd_group_size": 4},
        )
        randomize(network)
        x = leaf(4, CHANNELS, SIDE, SIDE)
        logits = network(x, None)
        yield f"{architecture}_weights", parameters_of(network)
        yield architecture, record(logits, inputs=x)
        if architecture == "orig":
            yield "r1", r1(network, x.detach())


def r1(network, images):
    """The authors' whole loss of D on real images, R1 included, and its gradients."""
    game = loss.StyleGAN2Loss("cpu", None, None, network, style_mixing_prob=0, r1_gamma=0.4)
    game.run_G = lambda z, c, sync: (images.flip(0), None)
    network.zero_grad()
    game.accumulate_gradients("Dboth", images, None, None, None, sync=True, gain=1)
    gradients = [value.grad for value in network.parameters()]
    return parameters_of(network, gradients)


def main():
    torch.manual_seed(0)
    found = {}
    for make in (filters, modulated, equalized, minibatch, mapping, generator, discriminators):
        for name, arrays in make():
            for key, value in arrays.items():
                found[f"{name}/{key}"] = value.detach().numpy().astype("float32")
    np.savez_compressed(OUTPUT, **found)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
