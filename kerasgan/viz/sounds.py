"""Files of samples that are no pictures, such as WAV files of sounds."""

from pathlib import Path

import numpy as np

from kerasgan.utils import pixels
from kerasgan.utils.errors import UserError
from kerasgan.utils.progress import shown

PICTURE = "samples.png"
DRAWN = 64  # samples on the picture


def write_files(gan, folder, num=64, seed=0, label=None, overwrite=False, **given):
    """Writes samples as files, `0000.wav`, `0001.wav`, ..., and `samples.png`, a picture
    of the first 64.

    Args:
        gan: A `kerasgan.GAN` whose outputs have a kind of file that is no picture.
        folder: Folder to write into; other files in it stay.
        num: Number of samples.
        seed: Seed of the latents; the same seed gives the same files.
        label: Class of all samples, by its id or name; by default classes take turns.
        overwrite: Whether files of these names may be replaced.
        **given: The generator's other inputs, as in `sample`.

    Returns:
        list of `pathlib.Path`, the files of samples.

    Raises:
        UserError: If there are no such files of the model's outputs, or one is there already.

    Example:

    >>> import kerasgan, tempfile
    >>> gan = kerasgan.WaveGAN(length=4096, width=2)
    >>> [path.name for path in write_files(gan, tempfile.mkdtemp(), num=2)]
    ['0000.wav', '0001.wav']
    """
    output = gan.signature.output
    if output.suffix is None:
        raise UserError(f"{type(gan).__name__} makes {output.noun}: name a picture to write.")
    paths = [Path(folder) / f"{place:04}{output.suffix}" for place in range(num)]
    for path in (*paths, Path(folder) / PICTURE):
        if path.exists() and not overwrite:
            raise UserError(
                f"{path} exists: pass --overwrite to replace it, or name another --output."
            )
    inputs, free, first = gan.inputs_for(num, seed, label, **given), iter(paths), []
    for samples in shown(gan.outputs_for(inputs), num, unit=output.noun.removesuffix("s")):
        first.extend(samples[: DRAWN - len(first)])
        for sample in samples:
            output.save(sample, next(free))
    pixels.save_picture(output.grid(np.stack(first)), Path(folder) / PICTURE, zoom=2)
    return paths
