"""Runs a SavedModel in the C++ loader that TensorFlow Serving uses; nothing of Python's TensorFlow.

    python export/cpp_loader.py SAVED_MODEL inputs.npz outputs.npz --signature serving_default

SAVED_MODEL is a version's folder, with `saved_model.pb` in it. The arrays in inputs.npz are named
as the signature's inputs and have their types; outputs.npz gets its outputs by name. Strings, such
as PNG files, are bytes there, of NumPy's type "S". Exits with 1 where TensorFlow refuses, and says
why.

The library is libtensorflow_cc.so.2 of the installed TensorFlow wheel, called through its C API
(tensorflow/c/c_api.h) by ctypes. `tensorflow` is searched for and never imported.
"""

import argparse
import ctypes
import importlib.util
import os
import sys
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np

# TF_DataType, and DataType in the protocol buffers: the numbers are the same.
DTYPES = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 9: "int64"}
STRING = 7
TSTRING_SIZE = 24  # bytes of a TF_TString


class Output(ctypes.Structure):
    """TF_Output: the `index`-th output of an operation."""

    _fields_ = [("operation", c_void_p), ("index", c_int)]


class Buffer(ctypes.Structure):
    """TF_Buffer: bytes that the library owns."""

    _fields_ = [("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p)]


# What each function returns and takes. A TF_Graph, TF_Session, TF_Status or TF_Tensor is only ever
# handed back to the library: c_void_p.
FUNCTIONS = {
    "TF_AllocateTensor": (c_void_p, c_int, POINTER(c_int64), c_int, c_size_t),
    "TF_DeleteBuffer": (None, POINTER(Buffer)),
    "TF_DeleteSession": (None, c_void_p, c_void_p),
    "TF_DeleteStatus": (None, c_void_p),
    "TF_DeleteTensor": (None, c_void_p),
    "TF_Dim": (c_int64, c_void_p, c_int),
    "TF_GetCode": (c_int, c_void_p),
    "TF_GraphOperationByName": (c_void_p, c_void_p, c_char_p),
    "TF_LoadSessionFromSavedModel": (
        *(c_void_p, c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p),
        *(POINTER(Buffer), c_void_p),
    ),
    "TF_Message": (c_char_p, c_void_p),
    "TF_NewBuffer": (POINTER(Buffer),),
    "TF_NewGraph": (c_void_p,),
    "TF_NewSessionOptions": (c_void_p,),
    "TF_NewStatus": (c_void_p,),
    "TF_NumDims": (c_int, c_void_p),
    "TF_SessionRun": (
        *(None, c_void_p, c_void_p, POINTER(Output), POINTER(c_void_p), c_int),
        *(POINTER(Output), POINTER(c_void_p), c_int, c_void_p, c_int, c_void_p, c_void_p),
    ),
    "TF_StringCopy": (None, c_void_p, c_char_p, c_size_t),
    "TF_StringGetDataPointer": (c_void_p, c_void_p),
    "TF_StringGetSize": (c_size_t, c_void_p),
    "TF_StringInit": (None, c_void_p),
    "TF_TensorByteSize": (c_size_t, c_void_p),
    "TF_TensorData": (c_void_p, c_void_p),
    "TF_TensorType": (c_int, c_void_p),
}


class LoaderError(Exception):
    """An error of TensorFlow's C++ code, with its message."""


def open_library():
    """Returns the C++ library of the TensorFlow wheel, found without an import of TensorFlow."""
    found = importlib.util.find_spec("tensorflow")
    folder = Path(found.origin).parent if found else None
    path = next(folder.glob("libtensorflow_cc.*2*"), None) if folder else None
    if path is None:
        raise LoaderError("No libtensorflow_cc.so.2 was found: pip install tensorflow.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    library = ctypes.CDLL(str(path))
    for name, (returned, *taken) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = returned, taken
    return library


class SavedModel:
    """A SavedModel in a C++ session.

    Args:
        folder: Path of the version's folder.

    Attributes:
        signatures: dict, for each signature's name {"inputs": {name: tensor},
            "outputs": {name: tensor}}; a tensor is called as in the graph, "serving_default_z:0".

    Raises:
        LoaderError: If TensorFlow cannot load it.

    Example:

        model = SavedModel("served/dcgan/1")
        model.run("serving_default", {"z": np.zeros((3, 100), "float32")})["images"]
    """

    def __init__(self, folder):
        self.library = library = open_library()
        self.graph = library.TF_NewGraph()
        about = library.TF_NewBuffer()
        tags = (c_char_p * 1)(b"serve")
        with self._status() as status:
            self.session = library.TF_LoadSessionFromSavedModel(
                *(library.TF_NewSessionOptions(), None, os.fsencode(folder), tags, 1),
                *(self.graph, about, status),
            )
        content = ctypes.string_at(about.contents.data, about.contents.length)
        library.TF_DeleteBuffer(about)
        self.signatures = read_signatures(content)

    def run(self, signature, inputs):
        """Answers a request.

        Args:
            signature: Name of a signature.
            inputs: dict of arrays, by the signature's names; of bytes for strings.

        Returns:
            dict from output name to array; string outputs are object arrays of bytes.

        Raises:
            LoaderError: If the names are not the signature's, or the graph refuses the request.
        """
        if signature not in self.signatures:
            raise LoaderError(f'No signature "{signature}": there are {sorted(self.signatures)}.')
        wanted, made = self.signatures[signature]["inputs"], self.signatures[signature]["outputs"]
        if set(inputs) != set(wanted):
            raise LoaderError(
                f"Signature {signature} takes {sorted(wanted)}. Received: {sorted(inputs)}"
            )
        given = [self._tensor(inputs[name]) for name in wanted]
        results = (c_void_p * len(made))()
        try:
            with self._status() as status:
                self.library.TF_SessionRun(
                    *(self.session, None),
                    *(self._outputs(wanted.values()), (c_void_p * len(given))(*given), len(given)),
                    *(self._outputs(made.values()), results, len(made)),
                    *(None, 0, None, status),
                )
            return {name: self._array(result) for name, result in zip(made, results, strict=True)}
        finally:
            for tensor in (*given, *filter(None, results)):
                self.library.TF_DeleteTensor(tensor)

    def close(self):
        """Frees the session."""
        with self._status() as status:
            self.library.TF_DeleteSession(self.session, status)

    def _status(self):
        return Status(self.library)

    def _outputs(self, tensors):
        """Finds tensors, "operation:index", in the graph."""
        parts = [tensor.rpartition(":") for tensor in tensors]
        find = self.library.TF_GraphOperationByName
        found = [Output(find(self.graph, name.encode()), int(index)) for name, _, index in parts]
        return (Output * len(found))(*found)

    def _tensor(self, array):
        """Copies an array into a TF_Tensor."""
        array = np.asarray(array, order="C")
        if array.dtype.kind in "SO":
            return self._strings(array)
        numbers = {name: number for number, name in DTYPES.items()}
        if array.dtype.name not in numbers:
            raise LoaderError(f"Inputs must be of {sorted(numbers)}. Received: {array.dtype}")
        shape = (c_int64 * array.ndim)(*array.shape)
        tensor = self.library.TF_AllocateTensor(
            numbers[array.dtype.name], shape, array.ndim, array.nbytes
        )
        ctypes.memmove(self.library.TF_TensorData(tensor), array.tobytes(), array.nbytes)
        return tensor

    def _strings(self, array):
        """Copies an array of bytes into a TF_Tensor."""
        library = self.library
        shape, size = (c_int64 * array.ndim)(*array.shape), array.size * TSTRING_SIZE
        tensor = library.TF_AllocateTensor(STRING, shape, array.ndim, size)
        data = library.TF_TensorData(tensor)
        for i, content in enumerate(array.ravel()):
            text = data + i * TSTRING_SIZE
            library.TF_StringInit(text)
            library.TF_StringCopy(text, bytes(content), len(content))
        return tensor

    def _array(self, tensor):
        """Copies a TF_Tensor into an array."""
        library = self.library
        shape = [library.TF_Dim(tensor, i) for i in range(library.TF_NumDims(tensor))]
        number, data = library.TF_TensorType(tensor), library.TF_TensorData(tensor)
        if number != STRING:
            content = ctypes.string_at(data, library.TF_TensorByteSize(tensor))
            return np.frombuffer(content, DTYPES[number]).reshape(shape).copy()
        array = np.empty(int(np.prod(shape)), object)
        for i in range(array.size):
            text = data + i * TSTRING_SIZE
            start, size = library.TF_StringGetDataPointer(text), library.TF_StringGetSize(text)
            array[i] = ctypes.string_at(start, size)
        return array.reshape(shape)


class Status:
    """A TF_Status for a call: `with Status(library) as status`; raises what the call reports."""

    def __init__(self, library):
        self.library = library

    def __enter__(self):
        self.status = self.library.TF_NewStatus()
        return self.status

    def __exit__(self, *_):
        code, message = self.library.TF_GetCode(self.status), self.library.TF_Message(self.status)
        self.library.TF_DeleteStatus(self.status)
        if code != 0:
            raise LoaderError(message.decode(errors="replace"))


def read_signatures(meta_graph):
    """Reads the signatures out of a serialized MetaGraphDef.

    The field numbers are those of tensorflow/core/protobuf/meta_graph.proto.
    """
    signatures = {}
    for entry in values(meta_graph, 5):  # MetaGraphDef.signature_def
        name, definition = map_entry(entry)
        if name.startswith("__saved_model"):  # TensorFlow's own
            continue
        signatures[name] = {
            # SignatureDef.inputs and outputs: maps to TensorInfo, whose field 1 is its name.
            kind: {key: values(info, 1)[0].decode() for key, info in named(definition, number)}
            for kind, number in (("inputs", 1), ("outputs", 2))
        }
    return signatures


def named(message, number):
    return [map_entry(entry) for entry in values(message, number)]


def map_entry(entry):
    """Splits an entry of a map field into its key and value."""
    return values(entry, 1)[0].decode(), (values(entry, 2) or [b""])[0]


def values(message, number):
    """Returns the values of a message's field: bytes, or int where the format says so."""
    return [value for found, value in fields(message) if found == number]


def fields(message):
    """Yields the number and value of each field of a message in protocol buffers' wire format."""
    position = 0
    while position < len(message):
        tag, position = varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = varint(message, position)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, position = varint(message, position)
            value = message[position : position + size]
            position += size
        yield number, value


def varint(message, position):
    """Reads a number of 7 bits a byte, lowest first; returns it and where it ends."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="See the head of this file."
    )
    parser.add_argument("saved_model", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--signature", default="serving_default")
    arguments = parser.parse_args()
    try:
        inputs = dict(np.load(arguments.inputs, allow_pickle=False))
    except (OSError, ValueError) as error:
        parser.error(f"{arguments.inputs} must be an .npz file: {error}")
    try:
        outputs = SavedModel(arguments.saved_model).run(arguments.signature, inputs)
    except LoaderError as error:
        sys.exit(f"cpp_loader: {' '.join(str(error).split())}")
    # "S" drops zero bytes at the end of a string, which no PNG file has.
    plain = {k: v.astype("S") if v.dtype == object else v for k, v in outputs.items()}
    np.savez(arguments.outputs, **plain)
    for name, array in outputs.items():
        print(f"{name}: {plain[name].dtype} {array.shape}")


if __name__ == "__main__":
    main()
