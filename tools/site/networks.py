"""Networks drawn: a Keras model becomes stages, and those an SVG."""

import html
import re

ROW, LEFT, BARS, LABEL, RIGHT = 31, 34, 96, 140, 440
NAMES = {
    "AveragePooling2D": "average pooling",
    "BatchNormalization": "batch norm",
    "ConditionalBatchNormalization": "conditional batch norm",
    "Conv1D": "convolution",
    "Conv1DTranspose": "transposed convolution",
    "Conv2D": "convolution",
    "Conv2DTranspose": "transposed convolution",
    "ELU": "ELU",
    "EqualizedConv2D": "equalized convolution",
    "GlobalAveragePooling2D": "mean over places",
    "GroupNormalization": "group norm",
    "GroupedConv2D": "grouped convolution",
    "LayerNormalization": "layer norm",
    "LeakyReLU": "LeakyReLU",
    "ModulatedConv2D": "modulated convolution",
    "PReLU": "PReLU",
    "ProjectedBatchNormalization": "batch norm of latents and class",
    "ReLU": "ReLU",
    "SpectralConv2D": "spectral convolution",
    "SpectralConv2DTranspose": "spectral transposed convolution",
    "UpSampling2D": "nearest neighbours",
    "elu": "ELU",
    "relu": "ReLU",
}
SILENT = ("Reshape", "Cast", "Identity", "GetItem", "Squeeze", "ExpandDims")


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
    kind = type(operation).__name__
    weights = [] if kind == "PReLU" else getattr(operation, "weights", [])
    resizes = re.search("Sampl|Pool|Blur|Resiz|Attention|Deviation", kind)
    return not any(len(weight.shape) > 1 for weight in weights) and not resizes


def title(operation):
    """Returns the name of an operation, with kernel and stride where it has them."""
    kind = type(operation).__name__
    if kind in ("InputLayer", "Functional", "Sequential", "Model"):
        return operation.name
    if kind in SILENT:
        return ""
    if kind == "Activation":
        return ", ".join(activation(operation))
    words = NAMES.get(kind) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).lower()
    kernel, stride = (first(getattr(operation, each, 1)) for each in ("kernel_size", "strides"))
    if kernel > 1:
        words += f" {kernel}" if kind.startswith("Conv1D") else f" {kernel}×{kernel}"
    return f"{words}, stride {stride}" if stride > 1 else words


def first(sizes):
    """Returns one number for the sides of a kernel or stride."""
    return sizes[0] if isinstance(sizes, tuple | list) else sizes or 1


def activation(operation):
    name = getattr(getattr(operation, "activation", None), "__name__", "linear")
    return [] if name == "linear" else [NAMES.get(name, name)]


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
