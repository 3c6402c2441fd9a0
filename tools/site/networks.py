"""Networks drawn: a Keras model becomes stages, and those an SVG."""

import html
import re

ROW, LEFT, BARS, LABEL, RIGHT = 31, 34, 96, 140, 440
SHORT = {
    "batch normalization": "batch norm",
    "conditional batch normalization": "conditional batch norm",
    "projected batch normalization": "batch norm of latents and class",
    "group normalization": "group norm",
    "layer normalization": "layer norm",
    "global average pooling2 d": "mean over places",
    "average pooling2 d": "average pooling",
    "up sampling2 d": "nearest neighbours",
    "conv2 d": "convolution",
    "conv1 d": "convolution",
    "conv2 d transpose": "transposed convolution",
    "conv1 d transpose": "transposed convolution",
    "spectral conv2 d": "spectral convolution",
    "spectral conv2 d transpose": "spectral transposed convolution",
    "modulated conv2 d": "modulated convolution",
    "equalized conv2 d": "equalized convolution",
    "grouped conv2 d": "grouped convolution",
    "re lu": "ReLU",
    "leaky re lu": "LeakyReLU",
    "p re lu": "PReLU",
    "elu": "ELU",
    "tanh": "tanh",
}
SILENT = ("reshape", "cast", "identity", "input layer", "get item", "squeeze", "expand dims")


def stages(network):
    """Returns the stages of a functional model: what has weights, joins or resizes; the layers
    between them are named with the stage that they follow.

    Returns:
        list of dicts: "label", "minor" (list of str), "shape" (tuple), "from" (indices of stages),
        "kind": "end", "bar" or "merge".
    """
    place, made = {}, []
    for operation in network.operations:
        for node in operation._inbound_nodes:
            if not all(id(each) in place for each in node.input_tensors):
                continue  # a call of a shared layer outside of this model
            parents = sorted({place[id(each)] for each in node.input_tensors})
            name = title(operation)
            shape = tuple(node.output_tensors[0].shape[1:])
            if parents and len(parents) == 1 and minor(operation) and parents[0] == len(made) - 1:
                stage = made[-1]
                stage["shape"] = shape
                if name and name not in stage["minor"]:
                    stage["minor"].append(name)
            else:
                kind = "bar" if len(parents) == 1 else "merge" if parents else "end"
                made.append(
                    {"label": name or "input", "minor": activation(operation), "shape": shape,
                     "from": parents, "kind": kind}
                )  # fmt: skip
            for tensor in node.output_tensors:
                place[id(tensor)] = len(made) - 1
    return made


def minor(operation):
    """Tells whether an operation is named only beside the stage before it."""
    kernels = (
        [weight for weight in operation.weights if len(weight.shape) > 1]
        if hasattr(operation, "weights")
        else []
    )
    resizes = re.search("Sampl|Pool|Blur|Resiz|Attention|Deviation", type(operation).__name__)
    return not kernels and not resizes


def title(operation):
    """Returns the name of an operation, with kernel and stride where it has them."""
    kind = type(operation).__name__
    if kind == "InputLayer":
        return operation.name
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).lower()
    words = SHORT.get(words, words)
    if words in SILENT:
        return ""
    if kind == "Activation":
        return activation(operation)[0] if activation(operation) else ""
    kernel = getattr(operation, "kernel_size", None)
    if kernel:
        sides = kernel if isinstance(kernel, tuple) else (kernel,)
        words += " " + "×".join(map(str, sides))
    strides = getattr(operation, "strides", None)
    if strides and max(strides if isinstance(strides, tuple) else (strides,)) > 1:
        words += f", stride {strides[0] if isinstance(strides, tuple) else strides}"
    return words


def activation(operation):
    function = getattr(operation, "activation", None)
    name = getattr(function, "__name__", "linear")
    return [] if name == "linear" else [SHORT.get(name, name)]


def sides(shape):
    """Returns the size of the places of a shape, and of its channels."""
    return (max(shape[:-1]), shape[-1]) if len(shape) > 1 else (1, shape[0] if shape else 1)


def svg(made, name):
    """Returns the drawing of stages: a bar for each, as long as the sides of its maps; curves
    lead past other stages."""
    longest = max(sides(stage["shape"])[0] for stage in made)
    height = ROW * len(made) + 4
    parts = [
        f'<svg class="network" viewBox="0 0 {RIGHT} {height}" role="img" '
        f'aria-label="{html.escape(name)}">'
    ]
    for row, stage in enumerate(made):
        y = row * ROW + 2
        size = sides(stage["shape"])[0]
        length = 8 + (BARS - 8) * (size / longest) ** 0.5 if size > 1 else 8
        x = LEFT + (BARS - length) / 2
        parts.append(
            f'<rect class="{stage["kind"]}" x="{x:.1f}" y="{y + 4}" width="{length:.1f}" '
            f'height="{ROW - 10}" rx="2"/>'
        )
        for parent in stage["from"]:
            if parent < row - 1:
                top, deep = parent * ROW + ROW / 2, min(LEFT - 4, 6 + 3 * (row - parent))
                parts.append(
                    f'<path d="M{LEFT} {top + 2} C{LEFT - deep} {top + 2} {LEFT - deep} '
                    f'{y + ROW / 2 - 2} {LEFT} {y + ROW / 2 - 2}"/>'
                )
        shape = " × ".join(map(str, stage["shape"])) or "1"
        label, below = html.escape(stage["label"]), html.escape(", ".join(stage["minor"]))
        middle = y + (ROW - 2) / 2 + (0 if below else 4)
        parts.append(f'<text x="{LABEL}" y="{middle:.1f}">{label}</text>')
        if below:
            parts.append(f'<text class="minor" x="{LABEL}" y="{middle + 11:.1f}">{below}</text>')
        parts.append(
            f'<text class="shape" x="{RIGHT}" y="{middle:.1f}" text-anchor="end">{shape}</text>'
        )
    return "".join([*parts, "</svg>"])
