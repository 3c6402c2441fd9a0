"""What a generator takes and gives, and what one training example is.

Imports metrics and utils. A new kind of input or output is one class here, listed below.
"""

from kerasgan.signature.encoding import TextEncoder
from kerasgan.signature.film import Film, Mask
from kerasgan.signature.image import Image
from kerasgan.signature.inputs import Label, Latent, Scalar, Vector
from kerasgan.signature.signature import Signature, output_of
from kerasgan.signature.text import Text
from kerasgan.signature.waveform import Waveform

__all__ = [
    "Film",
    "Image",
    "Label",
    "Latent",
    "Mask",
    "Scalar",
    "Signature",
    "Text",
    "TextEncoder",
    "Vector",
    "Waveform",
    "output_of",
]
