"""Records what the networks of the authors of pix2pix and CycleGAN compute, for
`tests/test_translation.py`.

Values of the U-Net, the residual network and the discriminator of patches in training mode, and
gradients of the mean of their squares with respect to inputs and weights. Arrays are float32 in
the layouts of Keras.
Needs torch (2.13.0 was used), NumPy and `models/networks.py` of
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix (commit 000f298):

    python tests/golden/make_translation.py PATH_OF_THE_CHECKOUT
"""

import functools
import pathlib
import sys

import numpy as np
import torch
from torch import nn

OUTPUT = pathlib.Path(__file__).with_name("translation.npz")
sys.path.insert(0, sys.argv[1])

from models.networks import NLayerDiscriminator, ResnetGenerator, UnetGenerator  # noqa: E402

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)  # instance norms have no weights


def watched(module):
    """Returns a list that gets the layers with weights, in the order in which the network calls
    them, and the hooks that fill it."""
    called = []
    hooks = [
        each.register_forward_hook(lambda layer, *_: called.append(layer))
        for each in module.modules()
        if isinstance(each, LAYERS)
    ]
    return called, hooks


def layout(tensor):
    """Kernels (out, in, h, w), or of transposed convolutions (in, out, h, w), as in Keras."""
    tensor = tensor.detach()
    return (tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor).numpy()


def record(name, network, x):
    for parameter in network.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape)
    called, hooks = watched(network)
    x.requires_grad_()
    y = network(x)
    for hook in hooks:
        hook.remove()
    (y**2).mean().backward()
    arrays = {
        "x": x.detach().permute(0, 2, 3, 1).numpy(),
        "y": y.detach().permute(0, 2, 3, 1).numpy(),
        "x_gradient": x.grad.permute(0, 2, 3, 1).numpy(),
    }
    parameters = [p for layer in called for p in (layer.weight, layer.bias) if p is not None]
    for place, parameter in enumerate(parameters):
        arrays[f"weight_{place:02d}"] = layout(parameter)
        arrays[f"gradient_{place:02d}"] = layout(parameter.grad)
    return {f"{name}/{key}": np.ascontiguousarray(value) for key, value in arrays.items()}


torch.manual_seed(0)
unet = UnetGenerator(2, 3, 6, ngf=1)
patches = NLayerDiscriminator(5, ndf=2, n_layers=3)
instance = functools.partial(nn.InstanceNorm2d, affine=False)  # as their `norm="instance"`
resnet = ResnetGenerator(2, 3, ngf=2, norm_layer=instance, n_blocks=2, use_deconvolution=True)
instance_patches = NLayerDiscriminator(3, ndf=2, n_layers=2, norm_layer=instance)
np.savez_compressed(
    OUTPUT,
    **record("unet", unet, torch.randn(2, 2, 64, 64)),
    **record("patches", patches, torch.randn(3, 5, 32, 32)),
    **record("resnet", resnet, torch.randn(2, 2, 16, 20)),
    **record("instance_patches", instance_patches, torch.randn(2, 3, 16, 16)),
)
