"""The input check that all exporters share."""

from kerasgan.gan import GAN
from kerasgan.utils.errors import UserError


def check_model(gan):
    """Checks that `gan` is a model.

    Raises:
        UserError: If it is not; the message says how to load one.
    """
    if not isinstance(gan, GAN):
        raise UserError(
            f"An exporter takes a model: pass `kerasgan.load(...)` of a zoo entry, run or "
            f"file. Received: {gan!r}"
        )
