"""ONNX, for other runtimes."""

import json
import warnings

import tensorflow as tf

from kerasgan.export import metadata
from kerasgan.export.model import check_model
from kerasgan.utils.errors import needs
from kerasgan.utils.files import replacing


def onnx(gan, path):
    """Writes the generator as an ONNX model: latents in, images out, for any batch.

    Inputs and output have the names, dtypes and shapes of `gan.signature`: `z` (N, latent_dim)
    float32, and `label` (N,) int32 where the model takes one; `images` (N, H, W, C) float32 in
    [-1, 1].
    Unlike a SavedModel it does not check its inputs: NaN gives NaN, and a label out of range an
    arbitrary image. Its metadata has `kerasgan.json`.

    Args:
        gan: A `kerasgan.GAN`.
        path: File to write.

    Returns:
        str, the path.

    Raises:
        UserError: If tf2onnx is not installed, or the file cannot be written.

    Example:

    >>> import kerasgan, os, tempfile
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> file = os.path.join(tempfile.mkdtemp(), "generator.onnx")
    >>> os.path.getsize(onnx(gan, file)) > 10_000  # doctest: +SKIP
    True
    """
    needs("tf2onnx", "onnx")
    check_model(gan)
    specs, made = gan.signature.specs, gan.signature.output.tensor
    generate = tf.function(lambda *inputs: {made: gan.generate(*inputs)}, input_signature=specs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx's own code
        import tf2onnx

        model, _ = tf2onnx.convert.from_function(generate, specs)
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"
    about = model.metadata_props.add()
    about.key, about.value = metadata.FILE, json.dumps(metadata.describe(gan))
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(model.SerializeToString())
    return str(path)
