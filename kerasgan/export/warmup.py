"""Warm-up requests, which make the first request to TensorFlow Serving fast.

Format: https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import os

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from kerasgan.gan import serving

FILE = "tf_serving_warmup_requests"
BATCHES = (1, 8)  # graphs are specialised at the first request of each shape


def write_warmup(gan, folder, model):
    """Writes the warm-up file: requests to `serving_default` and, for models that take pictures
    alone, to `png`, one per batch size.

    Not to the other signatures: they take scalars, which a batching server rejects, and a server
    does not load a model whose warm-up requests fail.

    Args:
        gan: A `kerasgan.GAN`.
        folder: The SavedModel's `assets.extra`.
        model: The name under which it is served.
    """
    with tf.io.TFRecordWriter(os.path.join(folder, FILE)) as writer:
        for num in BATCHES:
            for signature, values in requests(gan, num).items():
                request = predict_pb2.PredictRequest()
                request.model_spec.name = model
                request.model_spec.signature_name = signature
                for name, each in values.items():
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(each.numpy()))
                log = prediction_log_pb2.PredictionLog()
                log.predict_log.request.CopyFrom(request)
                writer.write(log.SerializeToString())


def requests(gan, num):
    """Returns the requests of one batch size: dict from signatures to their inputs by name."""
    values = inputs(gan, num)
    made = {"serving_default": values}
    if "png" in serving.picture_signatures(gan) and not gan.signature.seeded:
        kinds = gan.signature.given
        made["png"] = {f"{name}_bytes": files(kinds[name], values[name]) for name in kinds}
    return made


def files(kind, values):
    """Returns the PNG files of a batch of values, a string tensor (N, *kind.files)."""
    pictures = tf.reshape(kind.to_bytes(values), (-1, *kind.shape[-3:]))
    return tf.reshape(tf.io.encode_png(pictures), (-1, *kind.files))


def inputs(gan, num):
    """Returns a request's inputs by name: drawn, kept examples, or zeros."""
    signature = gan.signature
    values = {
        name: tf.zeros((num, *kind.shape), kind.dtype)
        for name, kind in signature.asked.items()
        if kind.source != "default"
    }
    for name, kept in gan.examples.items():
        values[name] = tf.constant(kept[[place % len(kept) for place in range(num)]])
    return signature.named(signature.draw(num, tf.constant([0, 0], tf.int64), values))
