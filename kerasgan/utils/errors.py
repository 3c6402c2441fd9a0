"""Exceptions and checks with messages for users."""

import difflib
import importlib.util
import numbers


class UserError(ValueError):
    """A user's mistake, in one sentence; the command line prints it without a traceback."""


class TrainingFailed(RuntimeError):
    """Training broke, and more steps would not repair it; the message says how."""


def check_count(value, name, least=1):
    """Checks that a value is a whole number and large enough.

    Args:
        value: The value of the argument.
        name: The argument's name.
        least: Smallest valid value.

    Raises:
        UserError: If `value` is not an int or is below `least`.

    Example:

    >>> check_count(0, "num")
    Traceback (most recent call last):
    ...
    kerasgan.utils.errors.UserError: `num` must be a whole number, 1 or more. Received: num=0
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise UserError(
            f"`{name}` must be a whole number, {least} or more. Received: {name}={value!r}"
        )


def check_seed(seed):
    """Checks that a seed is a whole number, 0 to 2**63 - 1; raises UserError."""
    check_count(seed, "seed", least=0)
    if seed >= 2**63:
        raise UserError(f"`seed` must be less than 2**63. Received: seed={seed}")


def nearest(word, words):
    """Returns the end of an error message: the valid names nearest to a misspelt one.

    Args:
        word: The name that was not found.
        words: The valid names; of more than 30, only the nearest are listed.

    Returns:
        str, without a full stop.

    Example:

    >>> nearest("dcgn", ["sngan", "dcgan", "lsgan"])
    'did you mean "dcgan"? Valid: dcgan, lsgan, sngan'
    >>> nearest("photos", ["dcgan", "lsgan"])
    'valid: dcgan, lsgan'
    """
    by_lower_case = {str(name).lower(): str(name) for name in words}
    close = difflib.get_close_matches(str(word).lower(), by_lower_case, n=5)
    close = [by_lower_case[name] for name in close]
    listed = ", ".join(sorted(by_lower_case.values()))
    if len(by_lower_case) > 30 and not close:
        return f"none of the {len(by_lower_case)} valid names is near"
    if len(by_lower_case) > 30:
        listed = ", ".join([*close, f"... ({len(by_lower_case)} names)"])
    return f'did you mean "{close[0]}"? Valid: {listed}' if close else f"valid: {listed}"


def needs(package, extra):
    """Checks that a package of one of kerasgan's extras is installed.

    Args:
        package: The name that is imported.
        extra: The extra that brings it.

    Raises:
        UserError: If it is not installed.

    Example:

    >>> needs("numpy", "tflite")
    """
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f'This needs {package}, which is not installed: pip install "kerasgan[{extra}]"'
        )
