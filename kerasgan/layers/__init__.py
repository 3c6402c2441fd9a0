"""Layers that more than one paper uses, or where an error would be silent.

Imports utils.
"""

from kerasgan.layers.attention import SelfAttention
from kerasgan.layers.classes import OneHot
from kerasgan.layers.dropout import Dropout
from kerasgan.layers.maxout import Maxout
from kerasgan.layers.normalization import ConditionalBatchNormalization
from kerasgan.layers.pyramid import Downsample, LaplacianPyramid, Upsample
from kerasgan.layers.spectral import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    SpectralNormalized,
)

__all__ = [
    "ConditionalBatchNormalization",
    "Downsample",
    "Dropout",
    "LaplacianPyramid",
    "Maxout",
    "OneHot",
    "SelfAttention",
    "SpectralConv2D",
    "SpectralConv2DTranspose",
    "SpectralDense",
    "SpectralEmbedding",
    "SpectralNormalized",
    "Upsample",
]
