"""Counts the arithmetic of a training step."""

import math

import tensorflow as tf

# For each matrix product, the attribute that says that its first factor is transposed.
TRANSPOSED = {"MatMul": "transpose_a", "BatchMatMulV2": "adj_x"}
LOOPS = ("While", "StatelessWhile")


def of_step(gan, batch):
    """Counts the floating-point operations of one `train_step`, on one device.

    Only convolutions and matrix products, where nearly all of them are, two for each
    multiplication with an addition. Loops count with their turns, once where their number is not
    known beforehand; what only some steps do, such as StyleGAN2's penalties, does not count.

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
    return _of_graph(step.graph)


def _of_graph(graph):
    return sum(
        _of_loop(operation) if operation.type in LOOPS else _of_operation(operation)
        for operation in _executed(graph)
    )


def _of_loop(operation):
    body, condition = (
        operation.graph._get_function(operation.get_attr(part).name).graph
        for part in ("body", "cond")
    )
    # A loop over a counter ends where its condition says: `i < turns`.
    ends = [
        tf.get_static_value(each.inputs[1])
        for each in condition.get_operations()
        if each.type == "Less"
    ]
    return _of_graph(body) * min((int(end) for end in ends if end is not None), default=1)


def _executed(graph):
    """Yields the operations that a function's results or effects depend on.

    The graph contains others too: the gradient of a convolution always has both of its parts.
    """
    pending = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    seen = set()
    while pending:
        operation = pending.pop()
        if operation in seen:
            continue
        seen.add(operation)
        yield operation
        pending += [tensor.op for tensor in operation.inputs]
        pending += operation.control_inputs


def _of_operation(operation):
    if operation.type in TRANSPOSED:
        transposed = operation.node_def.attr[TRANSPOSED[operation.type]].b
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
