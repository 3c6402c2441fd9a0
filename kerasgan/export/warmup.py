"""Warm-up requests: TensorFlow Serving answers them first, so that the first real one is fast.

Format: https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import os

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

FILE = "tf_serving_warmup_requests"
BATCHES = (1, 8)  # a graph is specialised for each new shape on its first request


def write_warmup(gan, folder, model):
    """Writes the warm-up file: requests to `serving_default`, one for each batch size.

    The other signatures take scalars, which a server with batching rejects; and a server that
    cannot answer a warm-up request does not load the model.

    Args:
        gan: A `kerasgan.GAN`.
        folder: The SavedModel's `assets.extra`.
        model: The name under which it will be served.
    """
    with tf.io.TFRecordWriter(os.path.join(folder, FILE)) as writer:
        for num in BATCHES:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model
            request.model_spec.signature_name = "serving_default"
            for name, values in inputs(gan, num).items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(values.numpy()))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def inputs(gan, num):
    """Returns a request's inputs by name: drawn as by `sample`, or else zeros."""
    signature = gan.signature
    values = {
        name: tf.zeros((num, *kind.shape), kind.dtype)
        for name, kind in signature.asked.items()
        if kind.source != "default"
    }
    for name, kept in gan.examples.items():
        values[name] = tf.constant(kept[[place % len(kept) for place in range(num)]])
    return signature.named(signature.draw(num, tf.constant([0, 0], tf.int64), values))
