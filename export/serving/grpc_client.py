"""Requests images from TensorFlow Serving over gRPC. Needs `tensorflow-serving-api`, not kerasgan.

    python export/serving/grpc_client.py sample MODEL --num 8 --seed 0 --output samples
    python export/serving/grpc_client.py status MODEL --server host:8500

In Python: `GrpcClient("localhost:8500").sample_files("MODEL", 0, 8)`. The messages of
tensorflow-serving-api build on TensorFlow's, so importing them also imports TensorFlow.

Reference: https://github.com/tensorflow/serving/tree/master/tensorflow_serving/apis
"""

import contextlib
import os

import grpc
from client import Client, ServingError, main


@contextlib.contextmanager
def without_notes():
    """Hides the start-up messages of TensorFlow's C++ code."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


with without_notes():
    import tensorflow as tf
    from tensorflow.core.framework.types_pb2 import DataType
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

SERVER = "localhost:8500"
# Over gRPC a tensor must have the signature's dtype; inputs not listed here are float32, files if
# they are called `*_bytes`, or texts in signatures called `text*`.
DTYPES = {"seed": tf.int64, "num": tf.int32, "label": tf.int32}


class GrpcClient(Client):
    """Requests images from TensorFlow Serving over gRPC."""

    def __init__(self, server):
        super().__init__(server)
        # 1,024 images exceed gRPC's default limit of 4 MB.
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        channel = grpc.insecure_channel(server, options)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def status(self, model):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        versions = self._ask(self.models.GetModelStatus, request).model_version_status
        state = get_model_status_pb2.ModelVersionStatus.State.Name
        return [(str(v.version), state(v.state), v.status.error_message) for v in versions]

    def metadata(self, model):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = model
        answer = self._ask(self.predictions.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        return {
            name: {kind: tensors(getattr(signature, kind)) for kind in ("inputs", "outputs")}
            for name, signature in found.signature_def.items()
            if not name.startswith("__")  # TensorFlow's own
        }

    def predict(self, model, inputs, signature="serving_default"):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            try:
                words = name.endswith("_bytes") or (name, signature[:4]) == ("text", "text")
                usual = tf.string if words else tf.float32
                tensor = tf.make_tensor_proto(values, DTYPES.get(name, usual))
            except (TypeError, ValueError) as error:
                raise ServingError(f"`{name}` must be a tensor of numbers: {error}") from error
            request.inputs[name].CopyFrom(tensor)
        (output,) = self._ask(self.predictions.Predict, request).outputs.values()
        return tf.make_ndarray(output).tolist()

    def _ask(self, method, request):
        try:
            return method(request, timeout=60)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise self.no_answer(error.code().name) from error
            raise ServingError(f"The server refused: {error.details()}") from error


def tensors(infos):
    """Reads TensorInfo messages, by name."""
    return {
        name: (DataType.Name(info.dtype), tuple(dim.size for dim in info.tensor_shape.dim))
        for name, info in infos.items()
    }


if __name__ == "__main__":
    main(GrpcClient, SERVER)
