"""What holds for every constructor: arguments, dtype policy, Keras's settings, signature."""

import contextlib
import functools
import inspect

import keras

from kerasgan.signature import Latent, Signature, output_of
from kerasgan.utils.errors import UserError, check_count
from kerasgan.utils.precision import fastest_policy


def constructed(init, ours):
    """Returns a constructor that makes checks first, and builds networks under its `dtype`.

    Args:
        init: The `__init__` of a model's class.
        ours: Whether the class is one of kerasgan, where an int by default means a number from 1,
            unless it is annotated: then the class checks it.
    """
    signature = inspect.signature(init)
    parameters = signature.parameters

    @functools.wraps(init)
    def wrapped(self, *args, **kwargs):
        check_settings()
        if ours:
            named = dict(zip(list(parameters)[1:], args, strict=False))
            check_arguments(parameters, {**named, **kwargs})
        if kwargs.get("dtype") == "auto":
            kwargs["dtype"] = fastest_policy()
        with policy(kwargs.get("dtype")):
            init(self, *args, **kwargs)

    wrapped.__signature__ = signature  # Keras looks at it, and does not follow `__wrapped__`
    return wrapped


def check_settings():
    """Checks the settings of Keras under which a model is built."""
    if keras.config.floatx() != "float32":
        raise UserError(
            f"Models compute in float32: call `keras.config.set_floatx('float32')`, and pass "
            f"`dtype='mixed_bfloat16'` for mixed precision. Received: {keras.config.floatx()}"
        )
    if keras.config.image_data_format() != "channels_last":
        raise UserError(
            "Images are (height, width, channels): call "
            "`keras.config.set_image_data_format('channels_last')`."
        )


def check_arguments(parameters, given):
    """Checks the numbers and the shape among a constructor's arguments."""
    for name, value in given.items():
        parameter = parameters.get(name)
        if name == "image_shape":
            output_of(value)
        elif parameter is None:
            continue
        elif type(parameter.default) is int and parameter.annotation is int:
            continue
        elif type(parameter.default) is int or parameter.annotation == (int | None):
            if value is not None or parameter.default is not None:
                check_count(value, name)


@contextlib.contextmanager
def policy(dtype):
    """Sets Keras's dtype policy for the layers that are built in the block; `None` keeps it."""
    if dtype is None:
        yield
        return
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(keras.dtype_policies.get(dtype))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def frozen(networks):
    """Returns the places of the layers that are not trainable, by network: a dict of lists."""
    places = {
        name: [place for place, layer in enumerate(layers_of(network)) if not layer.trainable]
        for name, network in networks.items()
    }
    return {name: each for name, each in places.items() if each}


def freeze(networks, places):
    """Makes layers not trainable, as `frozen` found them."""
    for name, each in places.items():
        layers = layers_of(networks[name])
        for place in each:
            layers[place].trainable = False


def freeze_first(network, number):
    """Makes the first layers of a network not trainable.

    Args:
        network: `keras.Model`.
        number: Number of layers, counting those with a kernel or another table of weights: batch
            norms, which would then ignore the batch, stay as they are.

    Raises:
        UserError: If there are no more layers than that.
    """
    tables = [
        layer
        for layer in layers_of(network)
        if not isinstance(layer, keras.Model)
        and any(len(weight.shape) > 1 for weight in layer.trainable_weights)
    ]
    if number and number >= len(tables):
        raise UserError(
            f"The {network.name} has {len(tables)} layers with weights, of which the last must "
            f"stay trainable. Received: {number} to freeze"
        )
    for layer in tables[:number]:
        layer.trainable = False


def layers_of(network):
    """Returns all layers of a network, at every depth."""
    found = []
    for layer in network.layers:
        found += [layer, *(layers_of(layer) if isinstance(layer, keras.Model) else [])]
    return found


def default_signature(generator):
    """Returns the signature of a generator whose only input is normal latents."""
    if len(generator.inputs) != 1:
        names = ", ".join(tensor.name for tensor in generator.inputs)
        raise UserError(f"A generator of several inputs needs `signature`. Received: {names}")
    (z,) = generator.inputs
    return Signature({z.name: Latent(z.shape[-1])}, output_of(generator.output_shape[1:]))


def check_signature(signature, generator):
    """Checks that the signature has the generator's inputs and output."""
    sides = (
        ("takes", signature.inputs.values(), generator.inputs),
        ("gives", [signature.output], generator.outputs),
    )
    for verb, kinds, tensors in sides:
        wanted = [tuple(tensor.shape[1:]) for tensor in tensors]
        said = [kind.shape for kind in kinds]
        if wanted != said:
            raise UserError(f"The generator {verb} {wanted}. Received: a signature of {said}")
    names = [tensor.name for tensor in generator.inputs]
    if names != list(signature.inputs):
        raise UserError(
            f"The generator's inputs are called {names}. Received: a signature of "
            f"{list(signature.inputs)}"
        )
