"""Layers that more than one paper uses, or where an error would be silent.

Imports utils.
"""

from kerasgan.layers.attention import SelfAttention
from kerasgan.layers.basis import Basis
from kerasgan.layers.classes import OneHot
from kerasgan.layers.clip import ClipAtInference
from kerasgan.layers.dropout import Dropout
from kerasgan.layers.equalized import Bias, EqualizedConv2D, EqualizedDense, scaled_leaky_relu
from kerasgan.layers.grouped import GroupedConv2D
from kerasgan.layers.maxout import Maxout
from kerasgan.layers.minibatch import MinibatchStandardDeviation
from kerasgan.layers.normalization import (
    ConditionalBatchNormalization,
    ProjectedBatchNormalization,
)
from kerasgan.layers.padding import ReflectionPadding2D
from kerasgan.layers.phase_shuffle import PhaseShuffle
from kerasgan.layers.pyramid import Downsample, LaplacianPyramid, Upsample
from kerasgan.layers.resampling import Blur, FilteredUpsample
from kerasgan.layers.spectral import (
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
    SpectralEmbedding,
    SpectralNormalized,
)
from kerasgan.layers.styles import (
    LearnedConstant,
    ModulatedConv2D,
    Noise,
    PixelNormalization,
    Truncation,
)

__all__ = [
    "Basis",
    "Bias",
    "Blur",
    "ClipAtInference",
    "ConditionalBatchNormalization",
    "Downsample",
    "Dropout",
    "EqualizedConv2D",
    "EqualizedDense",
    "FilteredUpsample",
    "GroupedConv2D",
    "LaplacianPyramid",
    "LearnedConstant",
    "Maxout",
    "MinibatchStandardDeviation",
    "ModulatedConv2D",
    "Noise",
    "OneHot",
    "PhaseShuffle",
    "PixelNormalization",
    "ProjectedBatchNormalization",
    "ReflectionPadding2D",
    "SelfAttention",
    "SpectralConv2D",
    "SpectralConv2DTranspose",
    "SpectralDense",
    "SpectralEmbedding",
    "SpectralNormalized",
    "Truncation",
    "Upsample",
    "scaled_leaky_relu",
]
