"""TFLite (LiteRT) for phones and browsers."""

import contextlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from kerasgan.data.checks import as_tuple
from kerasgan.export import metadata
from kerasgan.export.model import check_model
from kerasgan.signature import Scalar
from kerasgan.utils.errors import UserError, check_count, nearest
from kerasgan.utils.files import replacing
from kerasgan.utils.logs import quiet

QUANTIZATIONS = ("float16", "dynamic", "int8", "int16x8")
CALIBRATION = 256  # default number of calibration latents


def tflite(gan, path, quantization=None, calibration_latents=None, batch_size=1):
    """Writes the generator as a TFLite model: latent vectors in, images out.

    Inputs and output have the names, dtypes and shapes of `gan.signature`, with a fixed batch, by
    default of 1: `z` (1, latent_dim) float32, and `label` (1,) int32 where the model takes one;
    `images` (1, H, W, C) float32 in [-1, 1]. Their signature is `serving_default`. Inputs and
    output are float in every mode. LiteRT in browsers needs a fixed batch, which is also fastest
    elsewhere; `resize_tensor_input` does not change it. Only built-in operators are used, so every
    LiteRT runtime loads the file.

    Args:
        gan: A `kerasgan.GAN`.
        path: File to write.
        quantization: `None`: float32. "float16": weights of 2 bytes. "dynamic": 8-bit
            weights, arithmetic partly in integers. "int8": also 8-bit activations, including
            attention; a final tanh then reaches 0.995, one grey level short of black and white.
            "int16x8": 16-bit activations, which LiteRT computes slowly. Inputs such as StyleGAN2's
            truncation are held up to their default by "int8", and up to twice that by "int16x8";
            larger values count as those. `kerasgan benchmark export` measures what each costs.
        calibration_latents: float32 array (N, latent_dim) to calibrate the ranges of activations in
            the last two modes; or a tuple or dict of all inputs except labels. By default 256 that
            the model draws, with seed 0; class labels take turns, and inputs that must be given are
            those that the model keeps from its first `fit`.
        batch_size: Number of samples that one call generates.

    Returns:
        str, the path.

    Raises:
        UserError: If the mode is unknown, or the latents are invalid.

    Example:

    >>> import kerasgan, os, tempfile
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> path = tflite(gan, os.path.join(tempfile.mkdtemp(), "generator.tflite"))
    >>> os.path.getsize(path) > 10_000
    True
    """
    if quantization is not None and quantization not in QUANTIZATIONS:
        near = nearest(str(quantization), QUANTIZATIONS)
        raise UserError(f'There is no quantization "{quantization}": {near}')
    check_model(gan)
    check_count(batch_size, "batch_size")
    about = {**metadata.describe(gan), "quantization": quantization}
    if quantization is not None:
        about["float32_scores"] = about.pop("scores", None)
    calibrated = quantization in ("int8", "int16x8")
    inputs = (
        calibration_inputs(gan, calibration_latents, batch_size, quantization)
        if calibrated
        else None
    )
    converted = in_float32(gan)
    with bounded_tanh(converted) if quantization == "int8" else contextlib.nullcontext():
        content = convert(converted, quantization, inputs, batch_size)
    content = metadata.annotate_tflite(content, about, gan.signature.output.tensor)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
    return str(path)


def calibration_inputs(gan, given=None, batch_size=1, quantization="int8"):
    """Returns the calibration inputs: a list of lists of arrays of whole batches."""
    signature = gan.signature
    if given is not None and not isinstance(given, dict):
        given = dict(zip(signature.inputs, as_tuple(given), strict=False))
    try:
        if given is None:
            further = scalars_for(signature, CALIBRATION) if quantization == "int16x8" else {}
            drawn = gan.inputs_for(CALIBRATION, 0, **further)
        else:
            num = len(next(iter(given.values())))
            check_count(num, "The number of calibration inputs")
            values = {name: signature.inputs[name].check(given[name], name, num) for name in given}
            drawn = signature.named(signature.draw(num, tf.constant([0, 0], tf.int64), values))
    except UserError as error:
        kinds = [k for k in signature.inputs.values() if k.seeded or k.source != "drawn"]
        shapes = " and ".join(f"(N, {', '.join(map(str, kind.shape))})" for kind in kinds)
        raise UserError(f"`calibration_latents` must have shape {shapes}: {error}") from error
    arrays = [np.asarray(values) for values in drawn.values()]
    num = len(arrays[0])
    places = np.arange(-(-num // batch_size) * batch_size).reshape(-1, batch_size) % num
    return [[values[each] for values in arrays] for each in places]


def scalars_for(signature, num):
    """Returns values of the inputs that are numbers with a default, such as truncations: from half
    of it to twice as much, in turn. With 8 bits such a range would cost too much precision."""
    factors = np.resize([1.0, 0.5, 0.75, 1.5, 2.0], num).astype("float32")
    scalars = {name: kind for name, kind in signature.inputs.items() if isinstance(kind, Scalar)}
    return {
        name: np.minimum(kind.default * factors, np.inf if kind.high is None else kind.high)
        for name, kind in scalars.items()
    }


def in_float32(gan):
    """Returns a model that computes in float32, as TFLite's converter requires."""
    if gan.compute_dtype == "float32":
        return gan
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        twin = type(gan).from_config({**gan.get_config(), "dtype": "float32"})
    finally:
        keras.config.set_dtype_policy(policy)
    twin.inference_generator.set_weights(gan.inference_generator.get_weights())
    return twin


@contextlib.contextmanager
def bounded_tanh(gan):
    """Clips the input of the generator's tanh to [-3, 3]: the output changes by at most 0.005.

    A trained generator reaches much larger values, especially for a black background; eight bits
    over that range would leave three grey levels for garments. The converter fuses the ReLU6 with
    the layer before it, so that the eight bits cover these six units.
    """
    layers = [
        layer
        for layer in gan.inference_generator.layers
        if getattr(layer, "activation", None) is keras.activations.tanh
    ]
    try:
        for layer in layers:
            layer.activation = tanh_within_3
        yield
    finally:
        for layer in layers:
            layer.activation = keras.activations.tanh


def tanh_within_3(x):
    # One number for each channel: the converter makes it the bias of a convolution without one.
    shift = tf.constant(3.0, shape=x.shape[-1:])
    return tf.tanh(tf.nn.relu6(x + shift) - 3.0)


def convert(gan, quantization, inputs=None, batch_size=1):
    """Returns the content of a TFLite file, as the converter writes it."""
    signature = [kind.spec(name, num=batch_size) for name, kind in gan.signature.inputs.items()]
    generate = tf.function(gan.generate, input_signature=signature)
    # One argument only: with the network as a second, the converter drops its weights (NaN images).
    with quiet(), warnings.catch_warnings():  # it recommends the second argument
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        function = generate.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
        if quantization is None:
            return converter.convert()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        elif quantization == "int16x8":
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
                tf.lite.OpsSet.TFLITE_BUILTINS,
            ]
        if inputs is not None:
            converter.representative_dataset = lambda: iter(inputs)
        return converter.convert()
