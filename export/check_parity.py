"""Compares a run's exported artefacts with Keras, in a process that does not know kerasgan.

    python export/check_parity.py RUN

RUN holds `model.keras`, `saved_model/<version>/` and `generator.tflite`. Keras computes images from
fixed latents; a second process, which imports TensorFlow but not kerasgan, loads both artefacts and
computes them again. Exits with 1 where they differ by more than 1e-5 or an artefact is missing.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5
BATCHES = (1, 3, 64)


def write_reference(run, path):
    """Writes latents and Keras's images of them to an .npz file."""
    import keras

    import kerasgan  # noqa: F401  (registers the models)

    gan = keras.saving.load_model(run / "model.keras")
    latents = gan.latent_prior(max(BATCHES), [7, 7]).numpy()
    np.savez(path, latents=latents, images=gan(latents).numpy())


def compare(run, path):
    """Loads both artefacts with TensorFlow alone and prints their largest differences."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    reference = np.load(path, allow_pickle=False)
    latents, images = reference["latents"], reference["images"]
    differences = {}

    version = max((run / "saved_model").iterdir(), key=lambda folder: int(folder.name))
    serve = tf.saved_model.load(version).signatures["serving_default"]
    for batch in BATCHES:
        made = serve(z=tf.constant(latents[:batch]))["images"].numpy()
        differences[f"SavedModel, batch {batch}"] = np.abs(made - images[:batch]).max()

    interpreter = Interpreter(str(run / "generator.tflite"), num_threads=2)
    interpreter.allocate_tensors()
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
    worst = 0.0
    for latent, image in zip(latents, images, strict=True):
        interpreter.set_tensor(given["index"], latent[None])
        interpreter.invoke()
        worst = max(worst, np.abs(interpreter.get_tensor(wanted["index"])[0] - image).max())
    differences["TFLite, batch 1"] = worst

    if "kerasgan" in sys.modules:
        raise RuntimeError("This process must not import kerasgan, and did.")
    for name, difference in differences.items():
        verdict = "ok" if difference <= TOLERANCE else f"more than {TOLERANCE:g}"
        print(f"{name + ':':24} largest difference to Keras {difference:.1e}  {verdict}")
    return all(difference <= TOLERANCE for difference in differences.values())


def run_quietly(half, run, path):
    """Runs one half in a process of its own; TensorFlow's notes are shown only if it fails."""
    done = subprocess.run(
        [sys.executable, __file__, half, run, path], capture_output=True, text=True
    )
    print(done.stdout, end="")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--reference":
        return write_reference(Path(arguments[1]), Path(arguments[2]))
    if len(arguments) == 3 and arguments[0] == "--compare":
        return 0 if compare(Path(arguments[1]), Path(arguments[2])) else 1
    if len(arguments) != 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    run = Path(arguments[0])
    wanted = ("model.keras", "saved_model", "generator.tflite")
    missing = [name for name in wanted if not (run / name).exists()]
    if missing:
        print(f"check_parity: {run} lacks {', '.join(missing)}.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.npz"
        return run_quietly("--reference", run, reference) or run_quietly(
            "--compare", run, reference
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
