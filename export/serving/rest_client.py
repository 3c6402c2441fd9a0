"""Requests images from TensorFlow Serving over REST. Needs `requests`, not TensorFlow or kerasgan.

    python export/serving/rest_client.py sample MODEL --num 8 --seed 0 --output samples
    python export/serving/rest_client.py status MODEL --server http://host:8501

In Python: `RestClient("http://localhost:8501").sample_files("MODEL", seed=0, num=8)`.

Reference: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import json

import requests
from client import Client, ServingError, main

SERVER = "http://localhost:8501"


class RestClient(Client):
    """Requests images from TensorFlow Serving over REST."""

    def status(self, model):
        versions = self._ask("GET", model)["model_version_status"]
        return [(v["version"], v["state"], v["status"].get("error_message", "")) for v in versions]

    def metadata(self, model):
        signatures = self._ask("GET", f"{model}/metadata")["metadata"]["signature_def"]
        return {
            name: {kind: tensors(signature[kind]) for kind in ("inputs", "outputs")}
            for name, signature in signatures["signature_def"].items()
            if not name.startswith("__")  # TensorFlow's own
        }

    def predict(self, model, inputs, signature="serving_default"):
        # "inputs", the column format: the row format cannot hold the scalars `seed` and `num`.
        request = {"signature_name": signature, "inputs": encode(inputs)}
        outputs = decode(self._ask("POST", f"{model}:predict", request)["outputs"])
        # A single output comes without its name; several come as an object.
        return next(iter(outputs.values())) if isinstance(outputs, dict) else outputs

    def _ask(self, method, path, request=None):
        # Not `json=`, which rejects NaN: the model's own error message says more.
        body = None if request is None else json.dumps(request)
        try:
            url = f"{self.server.rstrip('/')}/v1/models/{path}"
            response = requests.request(method, url, data=body, timeout=60)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise self.no_answer(type(error).__name__) from error
        except (requests.RequestException, ValueError) as error:
            raise ServingError(
                f"--server must be a URL such as {SERVER}. Received: {self.server}"
            ) from error
        try:
            answer = response.json()
        except ValueError as error:
            raise ServingError(
                f"{self.server} is no TensorFlow Serving: HTTP {response.status_code}, no JSON."
            ) from error
        if not response.ok or "error" in answer:
            raise ServingError(f"The server refused: {answer.get('error', response.reason)}")
        return answer


def encode(value):
    """Turns bytes into {"b64": ...}, the form of inputs named `*_bytes`, at any depth."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {name: encode(item) for name, item in value.items()}
    return value


def decode(value):
    """Turns {"b64": ...}, the form of outputs named `*_bytes`, into bytes at any depth."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {name: decode(item) for name, item in value.items()}
    return value


def tensors(infos):
    """Reads TensorInfo messages by name from JSON, where 64-bit numbers are strings."""
    return {
        name: (info["dtype"], tuple(int(dim["size"]) for dim in info["tensor_shape"]["dim"]))
        for name, info in infos.items()
    }


if __name__ == "__main__":
    main(RestClient, SERVER)
