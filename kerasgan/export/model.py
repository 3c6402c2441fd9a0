"""What all exporters ask of a model."""

from kerasgan.gan import GAN
from kerasgan.utils.errors import UserError


def check_model(gan):
    """Refuses anything but a model.

    Raises:
        UserError: Says how to load one.
    """
    if not isinstance(gan, GAN):
        raise UserError(
            f"An export is made of a model: pass `kerasgan.load(...)` of a zoo entry, run or "
            f"file. Received: {gan!r}"
        )
