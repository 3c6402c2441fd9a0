"""Checks of values in recipes."""

import types
import typing

from kerasgan.utils.errors import UserError, nearest


def type_of(parameter):
    """Returns the type of a constructor's parameter: its annotation's, else its default's.

    A parameter that is absent by default and says nothing is a number.
    """
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    if parameter.default in (None, parameter.empty):
        return float
    return type(parameter.default)


def check_value(where, value, kind, least=1, most=None, choices=None, word=None):
    """Raises UserError if a value has the wrong type or is out of range.

    Args:
        where: What the value is called in error messages.
        value: The value.
        kind: type, such as `int`, `int | None` or `int | list`, a number or a pair of them.
        least, most: Of whole numbers.
        choices: Valid texts.
        word: Text that may stand for a number.
    """
    names = {
        list: "a list",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
    }
    if word is not None:
        if value == word:
            return
        kind, names[int] = int, f'{names[int]} or "{word}"'
    if isinstance(kind, types.UnionType):
        kinds = set(typing.get_args(kind))
        if value is None and type(None) in kinds:
            return
        kinds -= {type(None)}
        if kinds == {list} and isinstance(value, list):
            return
        if list in kinds and isinstance(value, list):
            check_pair(where, value, least)
            return
        kind = next(iter(kinds - {list}), list)
    if kind not in names:
        return
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or isinstance(value, bool) != (kind is bool):
        raise UserError(f"{where} must be {names[kind]}. Received: {value!r}")
    if kind is int and value < least:
        raise UserError(f"{where} must be positive. Received: {value!r}")
    if most is not None and value > most:
        raise UserError(f"{where} must be at most {most}. Received: {value!r}")
    if choices and value not in choices:
        raise UserError(f'{where}: there is no "{value}": {nearest(value, choices)}')


def check_pair(where, value, least):
    """Raises UserError if a list is not a pair of whole numbers."""
    if len(value) != 2 or any(type(each) is not int or each < least for each in value):
        raise UserError(f"{where} must be a whole number, or two of them. Received: {value!r}")
