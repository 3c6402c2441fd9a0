"""Pictures: sample grids, walks in latent space, progress strips; files of sounds.

Imports data and utils.
"""

from kerasgan.utils.pixels import from_uint8, grid, save_picture, to_uint8
from kerasgan.viz.grids import sample_grid
from kerasgan.viz.progress import progress_strip
from kerasgan.viz.sounds import write_files
from kerasgan.viz.walks import (
    arithmetic_strip,
    combine,
    direction_strips,
    interpolate,
    interpolation_grid,
)

__all__ = [
    "arithmetic_strip",
    "combine",
    "direction_strips",
    "from_uint8",
    "grid",
    "interpolate",
    "interpolation_grid",
    "progress_strip",
    "sample_grid",
    "save_picture",
    "to_uint8",
    "write_files",
]
