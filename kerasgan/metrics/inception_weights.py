"""The weights of the 2015 Inception graph: found on this machine or downloaded, checked, parsed."""

import io
import os
import pathlib
import tarfile
import zlib

import tensorflow as tf
from google.protobuf.message import DecodeError

from kerasgan.utils import hashing, network
from kerasgan.utils.errors import UserError
from kerasgan.utils.files import cache_folder

ARCHIVE = "inception-2015-12-05.tgz"
GRAPH = "classify_image_graph_def.pb"  # the archive's member, 95,673,916 bytes
URL = f"https://storage.googleapis.com/download.tensorflow.org/models/image/imagenet/{ARCHIVE}"

# Of the graph, not of the archive; never computed here, where the file could not be fetched. Three
# public projects that score with OpenAI's copy of the graph (guided-diffusion's evaluator) state
# it, with the size that TensorFlow's archive lists. Were it wrong, FID would be refused, not faked.
SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"

_UNREADABLE = (OSError, EOFError, KeyError, tarfile.TarError, zlib.error)


def load(path=None):
    """Returns the graph and where it lies, downloading it if it is not on this machine.

    Args:
        path: The archive or the graph in it, by any name. By default the file that the environment
            variable `KERASGAN_INCEPTION` names, else the one in `cache_folder()`, else the download
            (89 MB, with a progress bar), which is kept in that folder.

    Returns:
        The serialized `GraphDef` as bytes, and its `pathlib.Path`. Only a file that the caller
        named can be another than the known graph.

    Raises:
        UserError: If a named file cannot be read, or if what is in the cache or comes from the
            network is not the known graph, or if there is neither file nor network, or no folder
            that can be written.
    """
    named = path or os.environ.get("KERASGAN_INCEPTION")
    if named:
        path = pathlib.Path(named).expanduser()
        return read(path), path
    folder = cache_folder()
    for path in (folder / GRAPH, folder / ARCHIVE):
        if path.is_file():
            return _known(read(path), f"{path} is not the file wanted: delete it"), path
    return _download(folder), folder / GRAPH


def read(path):
    """Returns the serialized graph that a file holds.

    Args:
        path: The graph, or the archive: its one member is read, nothing is unpacked to disk.

    Returns:
        bytes.

    Raises:
        UserError: If there is no such file, or it cannot be read to its end.
    """
    try:
        return _member(pathlib.Path(path).read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            f"The Inception weights must be {ARCHIVE} or the {GRAPH} in it, but there is no {path}:"
            f" fetch {URL} and name that file."
        ) from error
    except _UNREADABLE as error:
        problem = network.reason(error)
        raise UserError(
            f"The Inception weights in {path} cannot be read ({problem}): fetch {URL} again."
        ) from error


def constants(graph, path):
    """Returns the constants of a graph, among which are its weights.

    Args:
        graph: bytes, a serialized `GraphDef`.
        path: Where they are from, for the error's message.

    Returns:
        dict of arrays by the names of their nodes.

    Raises:
        UserError: If the bytes are no `GraphDef` or hold no classifier of Inception's.
    """
    try:
        nodes = tf.compat.v1.GraphDef.FromString(graph).node
    except DecodeError:
        nodes = []
    tensors = {node.name: node.attr["value"].tensor for node in nodes if node.op == "Const"}
    if "softmax/weights" not in tensors:
        raise UserError(f"{path} is not the {GRAPH} of {ARCHIVE}: fetch {URL} and name that file.")
    return {name: tf.make_ndarray(tensor) for name, tensor in tensors.items()}


def serialize(arrays):
    """Returns a graph with these constants, as bytes: the inverse of `constants`.

    Args:
        arrays: dict of float32 arrays by the names of their nodes.
    """
    graph = tf.compat.v1.GraphDef()
    for name, array in arrays.items():
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
    return graph.SerializeToString()


def _download(folder):
    """Returns the graph from the network, once it lies in the folder; else leaves no file there."""
    remedy = f"fetch {URL} and put it into {folder}, or name it in KERASGAN_INCEPTION."
    needed = "FID needs the Inception weights, which are not on this machine"
    archive = network.fetch(URL, "Inception", needed, remedy)
    try:
        graph = _member(archive)
    except _UNREADABLE as error:
        problem = network.reason(error)
        raise UserError(f"The Inception download failed ({problem}): {remedy}") from error
    _known(graph, f"{URL} no longer serves the file wanted: name another copy")
    network.keep(graph, folder / GRAPH, "The Inception weights")
    return graph


def _member(data):
    """Returns the graph in the bytes of either file, which the gzip header tells apart."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        return archive.extractfile(GRAPH).read()


def _known(graph, complaint):
    found = hashing.of_bytes(graph)
    if found != SHA256:
        raise UserError(f"{complaint} (the {GRAPH} has SHA-256 {SHA256}). Received: {found}")
    return graph
