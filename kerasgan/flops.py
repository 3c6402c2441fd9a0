"""Counts the arithmetic of a training step."""

import math

import tensorflow as tf


def of_step(gan, batch):
    """Counts the floating-point operations of one `train_step`, on one device.

    Only convolutions and matrix products, where nearly all of them are, two for each
    multiplication with an addition.

    Args:
        gan: A compiled `kerasgan.GAN`.
        batch: What `train_step` takes: images, or (images, labels).

    Returns:
        int.

    Example:

    >>> import kerasgan
    >>> gan = kerasgan.VanillaGAN((8, 8, 1), width=8)
    >>> gan.compile()
    >>> of_step(gan, tf.zeros((10, 8, 8, 1))) > 0
    True
    """
    step = tf.function(gan.train_step).get_concrete_function(batch)
    return sum(_of_operation(operation) for operation in _operations(step.graph))


def _operations(graph):
    """Yields the operations of a graph and of the functions that it calls."""
    functions = {function.name.decode(): function for function in _functions(graph)}
    for operation in graph.get_operations():
        yield operation
        if "PartitionedCall" in operation.type:
            called = functions[operation.get_attr("f").name]
            yield from _operations(called.graph)


def _functions(graph):
    return getattr(graph, "_functions", {}).values()


def _of_operation(operation):
    if operation.type in ("MatMul", "BatchMatMulV2"):
        transposed = operation.node_def.attr[
            "transpose_a" if "Batch" not in operation.type else "adj_x"
        ].b
        shape = operation.inputs[0].shape
        inner = shape[-2] if transposed else shape[-1]
        return 2 * math.prod(operation.outputs[0].shape) * inner
    if operation.type == "Conv2D":
        filters, out = operation.inputs[1].shape, operation.outputs[0].shape
    elif operation.type == "Conv2DBackpropInput":
        filters, out = operation.inputs[1].shape, operation.inputs[2].shape
    elif operation.type == "Conv2DBackpropFilter":
        filters, out = operation.outputs[0].shape, operation.inputs[2].shape
    else:
        return 0
    return 2 * math.prod(filters) * math.prod(out[:3])
