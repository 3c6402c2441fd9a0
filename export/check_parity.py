"""Compares exported artefacts with Keras, in a process without kerasgan.

    python export/check_parity.py RUN        a run with model.keras, saved_model/, generator.tflite
    python export/check_parity.py FOLDER     output of export_zoo.py: served/ and tflite/

Keras computes images from fixed latents; a second process, which imports TensorFlow but not
kerasgan, loads the SavedModel and the float32 TFLite file and computes them again. Exits with 1
if they differ by more than 1e-5 or an artefact is missing.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5
BATCHES = (1, 3, 64)


def cases(folder):
    """Lists what to compare: (model, SavedModel, TFLite file) for each model."""
    if (folder / "served").is_dir():
        served = sorted(path for path in (folder / "served").iterdir() if path.is_dir())
        return [(s.name, s, folder / "tflite" / f"{s.name}.tflite") for s in served]
    return [(folder / "model.keras", folder / "saved_model", folder / "generator.tflite")]


def write_reference(model, path):
    """Writes inputs by name, and Keras's images for them, to an .npz file."""
    import tensorflow as tf

    import kerasgan

    gan = kerasgan.load(model)
    num = max(BATCHES)
    generator = np.random.default_rng(7)
    values = {
        name: tf.constant(kind.check(kind.random(generator, num), name))
        for name, kind in gan.signature.given.items()
    }
    inputs = gan.signature.named(gan.signature.draw(num, [7, 7], values))
    expected = gan.generate(*inputs.values()).numpy()
    np.savez(path, expected=expected, **{name: v.numpy() for name, v in inputs.items()})


def compare(saved_model, tflite, path):
    """Loads both artefacts without kerasgan and prints their largest differences from Keras."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    inputs = dict(np.load(path, allow_pickle=False))
    expected = inputs.pop("expected")
    differences = {}

    versions = [folder for folder in Path(saved_model).iterdir() if folder.name.isdecimal()]
    newest = max(versions, key=lambda folder: int(folder.name))
    serve = tf.saved_model.load(newest).signatures["serving_default"]
    for batch in BATCHES:
        made = serve(**{name: tf.constant(values[:batch]) for name, values in inputs.items()})
        difference = np.abs(next(iter(made.values())).numpy() - expected[:batch]).max()
        differences[f"SavedModel, batch {batch}"] = difference

    run = Interpreter(str(tflite), num_threads=2).get_signature_runner("serving_default")
    rows = [{name: v[i : i + 1] for name, v in inputs.items()} for i in range(len(expected))]
    made = np.concatenate([next(iter(run(**row).values())).copy() for row in rows])
    differences["TFLite, batch 1"] = np.abs(made - expected).max()

    if "kerasgan" in sys.modules:
        raise RuntimeError("This process must not import kerasgan, but did.")
    for name, difference in differences.items():
        verdict = "ok" if difference <= TOLERANCE else f"more than {TOLERANCE:g}"
        print(f"{name + ':':24} largest difference from Keras {difference:.1e}  {verdict}")
    return all(difference <= TOLERANCE for difference in differences.values())


def run_quietly(half, *arguments):
    """Runs one half in another process; shows TensorFlow's output only if it fails."""
    done = subprocess.run(
        [sys.executable, __file__, half, *arguments], capture_output=True, text=True
    )
    print(done.stdout, end="")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode


def check(model, saved_model, tflite):
    """Compares one model's artefacts; returns an exit code."""
    missing = [str(path) for path in (saved_model, tflite) if not path.exists()]
    if isinstance(model, Path) and not model.exists():
        missing.append(str(model))
    if missing:
        print(f"check_parity: there is no {', '.join(missing)}.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.npz"
        return run_quietly("--reference", model, reference) or run_quietly(
            "--compare", saved_model, tflite, reference
        )


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--reference":
        return write_reference(*arguments[1:])
    if len(arguments) == 4 and arguments[0] == "--compare":
        return 0 if compare(*arguments[1:]) else 1
    if len(arguments) != 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    codes = []
    for case in (found := cases(Path(arguments[0]))):
        if len(found) > 1:
            print(case[0])
        codes.append(check(*case))
    return max(codes, default=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
