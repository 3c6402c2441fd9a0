"""Metadata of exports: `kerasgan.json` in a SavedModel, or inside a TFLite or ONNX file."""

import json
import struct
from pathlib import Path

import numpy as np

from kerasgan.signature import Signature
from kerasgan.utils import provenance
from kerasgan.utils.errors import UserError, needs

FILE = "kerasgan.json"


def describe(gan):
    """Returns the metadata of a model: variant, arguments, weights, versions.

    Args:
        gan: A `kerasgan.GAN`.

    Returns:
        dict of JSON values; `signature_of` reads the model's signature from it. `name`, `recipe`
        and `scores` are included if the model was loaded from a run or a zoo entry and not trained
        since, without the paths of this machine.
    """
    weights_sha256 = provenance.weights_sha256(gan.inference_generator)
    origin = gan.origin or {}
    same = origin.get("scores", {}).get("weights_sha256", weights_sha256) == weights_sha256
    # The signature holds the encoder of texts, once.
    config = {key: value for key, value in gan.get_config().items() if key != "encoder"}
    return {
        "model": gan.variant,
        "class": type(gan).__name__,
        "paper": gan.paper and list(gan.paper),
        "config": config,
        "signature": gan.signature.get_config(),
        "parameters": gan.generator.count_params(),
        "weights_sha256": weights_sha256,
        **(provenance.without_paths(origin) if same else {}),
        **provenance.software(),
    }


def read(path):
    """Returns the metadata of an exported artefact.

    Args:
        path: A SavedModel's folder, or a `.tflite` or `.onnx` file.

    Returns:
        dict.

    Raises:
        UserError: If there is none, or it is unreadable.
    """
    path = Path(path)
    try:
        if path.is_dir():
            text = (path / FILE).read_text()
        else:
            text = (_of_onnx if path.suffix == ".onnx" else _of_tflite)(path.read_bytes())
        about = json.loads(text)
        about["model"], about["config"], about["weights_sha256"]
    except FileNotFoundError:
        wanted = path / FILE if path.is_dir() else path
        raise UserError(f"There is no {wanted}: export the model with kerasgan.") from None
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, struct.error) as error:
        raise UserError(
            f"{path} does not say which model it is of ({type(error).__name__}): export it again "
            f"with kerasgan."
        ) from error
    return about


def signature_of(about):
    """Returns the signature of the model that was exported.

    Args:
        about: As returned by `read`.
    """
    if "signature" in about:
        return Signature.from_config(about["signature"])
    return Signature.of_first_edition(about)


def newest_version(path):
    """Returns the folder of a SavedModel, `path` or its highest version, or `None`.

    Args:
        path: Any path.
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return path
    if not path.is_dir():
        return None
    versions = [folder for folder in path.iterdir() if folder.name.isdecimal()]
    versions = [folder for folder in versions if (folder / "saved_model.pb").is_file()]
    return max(versions, key=lambda folder: int(folder.name), default=None)


def annotate_tflite(content, about, output):
    """Returns a TFLite model with `about` as metadata, and its tensors named in a signature.

    Args:
        content: bytes, a model with one subgraph and one output.
        about: dict, as returned by `describe`.
        output: Name of the output.

    Returns:
        bytes. The signature `serving_default` takes the inputs by their names and returns `output`.
    """
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    def tensor(index, name):
        named = schema.TensorMapT()
        named.tensorIndex, named.name = index, name
        return named

    model = schema.ModelT.InitFromPackedBuf(content)
    (graph,) = model.subgraphs
    mend_one_hot(model, graph)
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.inputs = [tensor(i, graph.tensors[i].name.decode()) for i in graph.inputs]
    signature.outputs = [tensor(i, output) for i in graph.outputs]
    model.signatureDefs = [signature]

    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = json.dumps(about).encode()
    entry.name, entry.buffer = FILE, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def mend_one_hot(model, graph):
    """Corrects the zeros of quantised one-hot vectors.

    TensorFlow 2.21's converter writes them as the byte 0, which means one half where -128 to 127
    represents 0 to 1: every class would be mixed with half of all others.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode != schema.BuiltinOperator.ONE_HOT:
            continue
        off_value = graph.tensors[operator.inputs[3]]
        if off_value.type == schema.TensorType.INT8:
            zero = graph.tensors[operator.outputs[0]].quantization.zeroPoint[0]
            model.buffers[off_value.buffer].data = np.array([zero], "int8").view("uint8")


def _of_tflite(content):
    from tensorflow.lite.python import schema_py_generated as schema

    if content[4:8] != b"TFL3":
        raise ValueError("not a TFLite file")
    model = schema.Model.GetRootAs(content)
    for i in range(model.MetadataLength()):
        if model.Metadata(i).Name() == FILE.encode():
            return model.Buffers(model.Metadata(i).Buffer()).DataAsNumpy().tobytes().decode()
    raise KeyError(FILE)


def _of_onnx(content):
    needs("onnx", "onnx")
    import onnx
    from google.protobuf.message import DecodeError

    try:
        properties = onnx.load_from_string(content).metadata_props
    except DecodeError:
        raise ValueError("not an ONNX file") from None
    return next(entry.value for entry in properties if entry.key == FILE)
