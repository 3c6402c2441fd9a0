"""TFLite (LiteRT) for phones and browsers."""

import tensorflow as tf

from kerasgan.export import metadata
from kerasgan.files import replacing
from kerasgan.prepare import quiet


def tflite(gan, path):
    """Writes the generator as a TFLite model: one latent vector in, one image out.

    The input `z` is (1, latent_dim) float32, with `label` (1,) int32 where the model is
    conditional; the output `images` is (1, H, W, C) float32 in [-1, 1]; the signature that names
    them is `serving_default`. The batch is fixed: LiteRT in a
    browser takes no other, and elsewhere it is the fast one. Only built-in operators are used, so
    every LiteRT runtime loads it.

    Args:
        gan: A `kerasgan.GAN`.
        path: File to write.

    Returns:
        str, the path.

    Example:

    >>> import kerasgan, os, tempfile
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> path = tflite(gan, os.path.join(tempfile.mkdtemp(), "generator.tflite"))
    >>> os.path.getsize(path) > 10_000
    True
    """
    signature = [tf.TensorSpec((1, *s.shape[1:]), s.dtype, s.name) for s in gan.input_signature]
    generate = tf.function(gan.generate, input_signature=signature)

    # One argument only: given the network as well, the converter drops its weights (NaN images).
    with quiet():  # it recommends the second argument
        function = generate.get_concrete_function()
        content = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    content = metadata.annotate_tflite(content, metadata.describe(gan))
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
    return str(path)
