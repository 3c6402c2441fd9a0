"""Requests that TensorFlow Serving answers before it takes others, so that the first one is quick.

Format: https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import os

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

FILE = "tf_serving_warmup_requests"
BATCHES = (1, 8)  # graphs are specialised for a shape when they first meet it


def write_warmup(gan, signatures, folder, model):
    """Writes the warm-up file: one request a signature and batch size.

    Args:
        gan: A `kerasgan.GAN`.
        signatures: Their names.
        folder: The SavedModel's `assets.extra`.
        model: The name under which it will be served.
    """
    with tf.io.TFRecordWriter(os.path.join(folder, FILE)) as writer:
        for signature, inputs in requests(gan, signatures):
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = model, signature
            for name, values in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(values.numpy()))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def requests(gan, signatures):
    """Yields pairs: a signature's name and its inputs by name."""
    for signature in signatures:
        for num in BATCHES:
            specs = gan.input_signature[1:]
            given = {s.name: tf.zeros((num, *s.shape[1:]), s.dtype) for s in specs}
            asked = {"seed": tf.constant(0, tf.int64), "num": tf.constant(num, tf.int32)}
            if signature == "serving_default":
                asked = {"z": gan.latent_prior(num, tf.constant([0, 0], tf.int64))}
            yield signature, {**asked, **given}
