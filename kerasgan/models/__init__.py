"""The GANs, one paper and one file each. A new file here is a new model: nothing else to edit."""

import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys

from kerasgan.utils import errors


def names():
    """Returns the module names of all models, e.g. `["dcgan", ...]`, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name):
    """Returns the GAN class that the module `name` of this package defines.

    Args:
        name: Module name, one of `names()`; or file and class of one's own, "my_gan.py:Mine".

    Returns:
        A subclass of `kerasgan.GAN`.

    Raises:
        UserError: If there is no such model; the message names the nearest one.

    Example:

    >>> get("dcgan").__name__
    'DCGAN'
    """
    if ".py:" in name:
        return from_file(name)
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


def from_file(name):
    """Returns the class that "path/my_gan.py:Mine" names; raises UserError."""
    from kerasgan.gan import GAN

    path, _, title = name.rpartition(":")
    made = getattr(import_file(path), title, None)
    if not (inspect.isclass(made) and issubclass(made, GAN)):
        raise errors.UserError(f"{path} defines no kerasgan.GAN called {title}.")
    return made


def import_file(path):
    """Imports a Python file, such as one that defines models; returns the module.

    Args:
        path: Its path. It is imported once, by the name of the file.

    Raises:
        UserError: If there is no such file, or it raises an error.
    """
    path = os.path.abspath(path)
    name = os.path.splitext(os.path.basename(path))[0]
    loaded = sys.modules.get(name)
    if getattr(loaded, "__file__", None) == path:
        return loaded
    if not os.path.isfile(path):
        raise errors.UserError(f"There is no file {path}.")
    classes()  # registers them with Keras, as `import kerasgan` does outside the command
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's code raises
        del sys.modules[name]
        raise errors.UserError(f"{path} raised {type(error).__name__}: {error}") from error
    return module


def classes():
    """Returns all models as a dict from class name to class."""
    return {model.__name__: model for model in map(get, names())}
