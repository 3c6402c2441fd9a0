"""The GANs, one paper and one file each. A new file here is a new model: nothing else to edit."""

import importlib
import inspect
import pkgutil

from kerasgan.utils import errors


def names():
    """Returns the module names of all models, e.g. `["dcgan", ...]`, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name):
    """Returns the GAN class that the module `name` of this package defines.

    Args:
        name: Module name, one of `names()`.

    Returns:
        A subclass of `kerasgan.GAN`.

    Raises:
        UserError: If there is no such model; the message names the nearest one.

    Example:

    >>> get("dcgan").__name__
    'DCGAN'
    """
    if name not in names():
        raise errors.UserError(f'There is no model "{name}": {errors.nearest(name, names())}')
    from kerasgan.gan import GAN

    module = importlib.import_module(f"{__name__}.{name}")
    defined = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, GAN) and member.__module__ == module.__name__
    ]
    if len(defined) != 1:
        raise TypeError(f"{module.__name__} must define exactly one GAN. Found: {defined}")
    return defined[0]


def classes():
    """Returns all models as a dict from class name to class."""
    return {model.__name__: model for model in map(get, names())}
