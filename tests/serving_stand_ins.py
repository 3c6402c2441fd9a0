"""Stand-ins for TensorFlow Serving, because no binary is available where the tests run.

They load a SavedModel with TensorFlow and answer as the documentation (REST) and the protocol
buffers (gRPC) of TensorFlow Serving specify. They prove that the clients speak these protocols and
that the model answers. They do not prove that a real server loads the model, warms it up, batches
requests or words its errors alike: set `KERASGAN_SERVING_URL` to test a live server in
test_serving.py.
"""

import base64
import contextlib
import http.server
import json
import re
import threading
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


class Refused(Exception):
    """A rejected request: the name of the gRPC status, and the message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Models:
    """Holds SavedModels by name and answers the requests of both protocols.

    Args:
        folders: dict from model names to folders `<directory>/<version>`.
    """

    def __init__(self, folders):
        self.folders = folders
        self.loaded = {name: tf.saved_model.load(path) for name, path in folders.items()}

    def status(self, name):
        if name not in self.folders:
            raise Refused("NOT_FOUND", f"Could not find any versions of model {name}")
        answer = get_model_status_pb2.GetModelStatusResponse()
        version = answer.model_version_status.add(version=1, state="AVAILABLE")
        version.status.SetInParent()
        return answer

    def signature_defs(self, name):
        self._find(name)
        with open(f"{self.folders[name]}/saved_model.pb", "rb") as file:
            (graph,) = SavedModel.FromString(file.read()).meta_graphs
        return get_model_metadata_pb2.SignatureDefMap(signature_def=graph.signature_def)

    def predict(self, name, signature, inputs):
        """Runs a signature on a dict of arrays; returns a dict of arrays."""
        function = self._find(name).signatures[signature]
        specs = function.structured_input_signature[1]
        if set(inputs) != set(specs):
            raise Refused("INVALID_ARGUMENT", f"input keys must be {sorted(specs)}")
        try:
            outputs = function(**{name: tf.constant(values) for name, values in inputs.items()})
        except (tf.errors.InvalidArgumentError, TypeError) as error:
            raise Refused("INVALID_ARGUMENT", str(error)) from error
        return {name: values.numpy() for name, values in outputs.items()}

    def dtypes(self, name, signature):
        specs = self._find(name).signatures[signature].structured_input_signature[1]
        return {name: spec.dtype.as_numpy_dtype for name, spec in specs.items()}

    def _find(self, name):
        if name not in self.loaded:
            raise Refused("NOT_FOUND", f"Servable not found for request: Latest({name})")
        return self.loaded[name]


class RestHandler(http.server.BaseHTTPRequestHandler):
    """The part of https://www.tensorflow.org/tfx/serving/api_rest that the client uses."""

    def do_GET(self):
        self.answer(self.get)

    def do_POST(self):
        self.answer(self.predict)

    def answer(self, how):
        try:
            found = re.fullmatch(r"/v1/models/([^/:]+)(/metadata|:predict)?", self.path)
            code, content = 200, how(found[1], found[2])
        except Refused as refusal:
            code = {"NOT_FOUND": 404, "INVALID_ARGUMENT": 400}[refusal.code]
            content = {"error": str(refusal)}
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def get(self, name, what):
        if what is None:
            return as_json(self.server.models.status(name))
        signatures = as_json(self.server.models.signature_defs(name))
        spec = {"name": name, "signature_name": "", "version": "1"}
        return {"model_spec": spec, "metadata": {"signature_def": signatures}}

    def predict(self, name, _):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request, models = json.loads(body), self.server.models
        dtypes = models.dtypes(name, request["signature_name"])
        # Numbers in JSON get the types of the signature.
        inputs = {
            k: np.asarray(decode(v) if k.endswith("_bytes") else v, dtypes.get(k))
            for k, v in request["inputs"].items()
        }
        outputs = models.predict(name, request["signature_name"], inputs)
        plain = {k: encode(v.tolist()) if k.endswith("_bytes") else v for k, v in outputs.items()}
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in plain.items()}
        # A single output is returned without its name.
        return {"outputs": plain if len(plain) > 1 else next(iter(plain.values()))}

    def log_message(self, *_):
        pass


def encode(value):
    if isinstance(value, list):
        return [encode(item) for item in value]
    return {"b64": base64.b64encode(value).decode()}


def decode(value):
    """{"b64": ...}, and nothing else, is bytes, as the documentation says."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not (isinstance(value, dict) and set(value) == {"b64"}):
        raise Refused("INVALID_ARGUMENT", 'binary data must be {"b64": <base64 encoded string>}')
    return base64.b64decode(value["b64"])


def as_json(message):
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models):
        self.models = models

    def Predict(self, request, context):
        name, signature = request.model_spec.name, request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        with refusals(context):
            for key, dtype in self.models.dtypes(name, signature).items():
                if key in inputs and inputs[key].dtype != dtype:
                    raise Refused("INVALID_ARGUMENT", f"Expects {key} to be {np.dtype(dtype)}")
            outputs = self.models.predict(name, signature, inputs)
        answer = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for key, values in outputs.items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(values))
        return answer

    def GetModelMetadata(self, request, context):
        answer = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        with refusals(context):
            answer.metadata["signature_def"].Pack(
                self.models.signature_defs(request.model_spec.name)
            )
        return answer


class Status(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self.models = models

    def GetModelStatus(self, request, context):
        with refusals(context):
            return self.models.status(request.model_spec.name)


@contextlib.contextmanager
def refusals(context):
    try:
        yield
    except Refused as refusal:
        context.abort(getattr(grpc.StatusCode, refusal.code), str(refusal))


@contextlib.contextmanager
def rest_server(models):
    """Serves over HTTP; yields the URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RestHandler)
    server.models = models
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def grpc_server(models):
    """Serves over gRPC; yields the address."""
    limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(2), options=limits)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(models), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Status(models), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
