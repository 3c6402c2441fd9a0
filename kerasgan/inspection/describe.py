"""Describes artefacts, for `kerasgan inspect`."""

import contextlib
import json
from pathlib import Path

from kerasgan import zoo
from kerasgan.export import metadata
from kerasgan.inspection.artefacts import identify
from kerasgan.utils.errors import UserError, needs


def inspect(what):
    """Returns a description of an artefact: signatures, size, provenance, scores.

    Args:
        what: A run directory, `.keras` file, zoo entry, SavedModel (or the folder of its versions),
            `.tflite` or `.onnx` file, or a page of `kerasgan.export.browser`.

    Returns:
        str of several lines.

    Raises:
        UserError: If it is none of these.

    Example:

    >>> import kerasgan, os, tempfile
    >>> gan = kerasgan.DCGAN((8, 8, 1), width=4)
    >>> path = kerasgan.export.tflite(gan, os.path.join(tempfile.mkdtemp(), "generator.tflite"))
    >>> print(inspect(path).splitlines()[1])
    serving_default: z float32 (1, 100) -> images float32 (1, 8, 8, 1)
    """
    kind, path = identify(what)
    if kind == "page":
        return "\n\n".join(inspect(model) for model in sorted(path.glob("**/*.tflite")))
    if kind in EXPORTS:
        title, signatures = EXPORTS[kind]
        return report(f"{title} {path}", path, signatures)
    return _model(what)


@contextlib.contextmanager
def readable(path):
    """Reports a damaged artefact in one sentence."""
    try:
        yield
    except Exception as error:  # TensorFlow and LiteRT raise every kind on a damaged file
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"Cannot read {path}: {reason}") from error


def report(title, path, signatures):
    """Title, signatures, provenance of an export."""
    about = metadata.read(path)
    return "\n".join(
        [f"{title}, {size_of(path) / 1e6:.2f} MB", *signatures(path), *provenance_lines(about)]
    )


def size_of(path):
    """Returns the bytes of a file, or of all files in a folder."""
    path = Path(path)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def line_of_signature(name, inputs, outputs):
    """ "serving_default: z float32 (N, 100) -> images float32 (N, 28, 28, 1)"."""

    def side(tensors):
        return ", ".join(
            f"{tensor} {dtype} ({', '.join('N' if n in (None, -1) else str(n) for n in shape)})"
            for tensor, dtype, shape in tensors
        )

    return f"{name}: {side(inputs)} -> {side(outputs)}"


def _saved_model_signatures(folder):
    import tensorflow as tf

    with readable(folder):
        signatures = tf.saved_model.load(str(folder)).signatures
    for name, served in sorted(signatures.items()):
        inputs = served.structured_input_signature[1].items()
        outputs = served.structured_outputs.items()
        yield line_of_signature(
            name,
            [(key, spec.dtype.name, spec.shape.as_list()) for key, spec in inputs],
            [(key, spec.dtype.name, spec.shape) for key, spec in outputs],
        )


def _tflite_signatures(path):
    needs("ai_edge_litert", "tflite")
    from ai_edge_litert.interpreter import Interpreter

    with readable(path):
        interpreter = Interpreter(str(path))
    for name in interpreter.get_signature_list():
        run = interpreter.get_signature_runner(name)
        sides = [
            [
                (key, detail["dtype"].__name__, detail["shape"].tolist())
                for key, detail in side.items()
            ]
            for side in (run.get_input_details(), run.get_output_details())
        ]
        yield line_of_signature(name, *sides)


def _onnx_signatures(path):
    import onnx

    graph = onnx.load(str(path)).graph

    def tensors(values):
        for value in values:
            kind = value.type.tensor_type
            shape = [size.dim_value or None for size in kind.shape.dim]
            yield value.name, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name, shape

    yield line_of_signature("graph", tensors(graph.input), tensors(graph.output))


EXPORTS = {
    "saved_model": ("SavedModel", _saved_model_signatures),
    "tflite": ("TFLite model", _tflite_signatures),
    "onnx": ("ONNX model", _onnx_signatures),
}


def _model(what):
    gan = zoo.load(what)
    about = metadata.describe(gan)
    signature = line_of_signature(
        "generator",
        [(spec.name, spec.dtype.name, spec.shape.as_list()) for spec in gan.signature.specs],
        [(gan.signature.output.tensor, "float32", (None, *gan.signature.output.shape))],
    )
    name = (gan.origin or {}).get("source", what)
    return "\n".join([f"Keras model {name}", signature, *provenance_lines(about)])


def provenance_lines(about):
    """Yields lines on the variant, weights, versions, training and scores."""
    arguments = {k: v for k, v in about["config"].items() if k not in ("name", "dtype")}
    yield f"makes: {metadata.signature_of(about).described}"
    yield f"model: {about['model']}, {about['parameters']:,} parameters"
    yield "arguments: " + ", ".join(f"{key}={value}" for key, value in arguments.items())
    yield f"weights SHA-256: {about['weights_sha256']}"
    if about.get("quantization"):
        yield f"quantization: {about['quantization']}"
    versions = ("kerasgan", "tensorflow", "keras", "numpy", "commit")
    yield "written with: " + ", ".join(f"{k} {about[k]}" for k in versions if about.get(k))
    if "recipe" in about:
        yield f"recipe: {json.dumps(about['recipe'])}"
    scores = about.get("scores") or about.get("float32_scores")
    if scores is None:
        yield "scores: none"
        return
    of = "scores of the float32 model" if about.get("float32_scores") else "scores"
    yield (
        f"{of}: {scores['metric']} {scores['trained']} (floor {scores['floor']}), "
        f"{scores['n_fake']:,} samples against {scores['n_real']:,} of "
        f"{scores['dataset']} {scores['split']}"
    )
