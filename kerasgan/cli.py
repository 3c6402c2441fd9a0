"""The `kerasgan` command. Each mistake of its user is told in one line, with exit code 2."""

import contextlib
import importlib
import os
import runpy
import signal
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import __version__, models
from kerasgan.errors import TrainingFailed, UserError, nearest

app = typer.Typer(
    help="Train, score and ship GANs with Keras.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="table.key=value, over the recipe; may be given again."),
]
DataDir = Annotated[Path | None, typer.Option(help="Where TFDS keeps its data.")]
Checkpoint = Annotated[Path, typer.Argument(help="A zoo entry, a run directory or a .keras file.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of the samples.")]


def main(arguments=None, app=app, name="kerasgan"):
    """Runs the command line and exits: 0 done, 1 failed, 2 a mistake of the user."""
    # As Ctrl-C: what is half-written is removed. Trainings listen for themselves.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    warnings.showwarning = lambda message, *_, **__: fail(str(message), 0)
    try:
        code = app(args=arguments, prog_name=name, standalone_mode=False)
    except typer.Exit as stop:
        code = stop.exit_code
    except (UserError, typer.TyperException) as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        code = fail(message, 2)
    except OSError as error:
        code = fail(f"{error.strerror}: {error.filename}" if error.filename else str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        code = fail("Interrupted.", 130)
    except TrainingFailed as error:
        code = fail(str(error), 1)
    except Exception as error:
        if os.environ.get("KERASGAN_TRACEBACK"):
            raise
        message = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        code = fail(f"{message} (KERASGAN_TRACEBACK=1 shows where)", 1)
    sys.exit(code or 0)


def run(function, cpu_devices=1):
    """Runs a script's one function as a command line of its own, with errors as above.

    Args:
        function: What typer makes a command of.
        cpu_devices: Number of logical devices that the CPU is to have.
    """
    start(cpu_devices=cpu_devices)
    script = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    script.command()(function)
    main(app=script, name=os.path.basename(sys.argv[0]))


def fail(message, code):
    print("kerasgan: " + " ".join(message.split()), file=sys.stderr)
    return code


@contextlib.contextmanager
def quiet_cpp():
    """Keeps what TensorFlow's C++ prints from the terminal, unless it fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        except UserError:
            failed = False
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if failed:
                log.seek(0)
                sys.stderr.buffer.write(log.read())


def start(strategy=None, cpu_devices=1):
    """Imports TensorFlow and lists its devices, which is when it talks; returns the strategy."""
    with quiet_cpp():
        import tensorflow as tf

        from kerasgan import distribution

        distribution.grow_memory()
        if cpu_devices > 1:
            distribution.split_cpu(cpu_devices)
        # Before the devices are listed, since workers must be known first.
        made = distribution.strategy(strategy) if strategy else tf.distribute.get_strategy()
        tf.config.list_logical_devices()
        return made


def load_gan(path):
    """Loads the model of a run directory, a .keras file or a zoo entry."""
    from kerasgan import zoo

    zoo.find(path)  # a mistake is told before TensorFlow starts
    start()
    return zoo.load(path)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
):
    if version:
        print(f"kerasgan {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="TOML file, or a name in the zoo; may be left out.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run directory.")] = None,
    model: Annotated[str | None, typer.Option(help="Model, e.g. dcgan.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="TFDS name, fashion_mnist_mini, or an image folder.")
    ] = None,
    image_size: Annotated[int | None, typer.Option(help="Side in pixels.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a batch.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    seed: Annotated[int | None, typer.Option(help="Fixes weights, order, latents.")] = None,
    overrides: Overrides = None,
    data_dir: DataDir = None,
    overwrite: Annotated[bool, typer.Option(help="Delete an earlier run there.")] = False,
    change_recipe: Annotated[
        bool, typer.Option("--change-recipe", help="Go on with a run of another recipe.")
    ] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits each time; can be slower.")
    ] = False,
    strategy: Annotated[
        str | None,
        typer.Option(help="one_device, mirrored (all GPUs) or multi_worker (as TF_CONFIG says)."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Build, take one step on random images, write nothing."),
    ] = False,
):
    """Train a model as a recipe says; the same command again goes on where it stopped."""
    shortcuts = {
        "model.name": model,
        "data.name": dataset,
        "data.image_size": image_size,
        "data.batch_size": batch_size,
        "training.epochs": epochs,
        "training.seed": seed,
    }
    if model is not None and model not in models.names():
        raise UserError(f'There is no model "{model}", {nearest(model, models.names())}')
    devices = start(strategy)
    from kerasgan import checkpoints, session, zoo
    from kerasgan import recipe as recipes

    tables = recipes.parse(zoo.recipe_file(recipe)) if recipe else {}
    for key, value in shortcuts.items():
        if value is not None:
            table, _, name = key.partition(".")
            tables.setdefault(table, {})[name] = value
    tables = recipes.override(tables, overrides or [])
    whole = recipes.complete(tables, source=str(recipe or "recipe"))
    if dry_run:
        from kerasgan import dry_run as trial

        print(trial.dry_run(whole, data_dir))
        return
    start_from = whole.training.start_from
    trained = zoo.load_start(start_from) if start_from else None
    name = f"{whole.model.name}_{whole.data.name}".replace(os.sep, "_")
    directory = output or Path("runs") / name
    try:
        result = session.train_recipe(
            whole,
            directory,
            data_dir,
            overwrite,
            change_recipe,
            deterministic,
            strategy=devices,
            start=trained,
        )
    except checkpoints.Interrupted as interruption:
        how = "The same command without --overwrite" if overwrite else "The same command"
        print(f"{interruption} {how} goes on from there.")
        raise typer.Exit(130) from None
    if result is not None:
        print(f"\nRun directory: {directory}")


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def launch(
    context: typer.Context,
    workers: Annotated[int, typer.Option(min=2, help="Number of processes.")] = 2,
):
    """Try `train` out on several workers of this machine: kerasgan launch --workers 2 RECIPE ...

    What follows is as in `kerasgan train`. On several machines, run `kerasgan train --strategy
    multi_worker` on each, with TF_CONFIG set.
    """
    from kerasgan.launch import launch as start_workers

    raise typer.Exit(start_workers(["train", *context.args], workers))


@app.command(name="list")
def list_entries():
    """List the trained generators that come with kerasgan."""
    from kerasgan import zoo

    row = "{:26} {:8} {:>12} {:>7} {:>6} {:>8}  {}".format
    print(row("name", "model", "images", "classes", "MB", "FD", "licence"))
    for entry in zoo.table():
        print(
            row(
                entry["name"],
                entry["model"],
                " x ".join(map(str, entry["image_shape"])),
                entry["classes"] or "",
                f"{entry['megabytes']:.1f}",
                f"{entry['distance']:.1f}",
                entry["licence"],
            )
        )
    print("FD: FD[lite0], lower is better; how it was measured stands on each entry's card.")


@app.command()
def sample(
    checkpoint: Checkpoint,
    num: Annotated[int, typer.Option(min=1, max=100_000, help="Number of images.")] = 64,
    seed: Seed = 0,
    output: Annotated[Path, typer.Option(help="PNG file for the grid.")] = Path("samples.png"),
    zoom: Annotated[int, typer.Option(min=1, help="Enlargement.")] = 2,
):
    """Draw a grid of samples."""
    gan = load_gan(checkpoint)
    from kerasgan import images

    images.save_png(images.sample_grid(gan, num, seed), output, zoom)
    print(f"{num} samples, seed {seed}: {output}")


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    dataset: Annotated[
        str, typer.Option(help="Real images to compare with.")
    ] = "fashion_mnist_mini",
    split: Annotated[str, typer.Option(help="Split of the dataset.")] = "test",
    num: Annotated[
        int | None, typer.Option(min=2, help="Samples and real images; default: all.")
    ] = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
):
    """Print the Frechet distance between samples and real images, as one line of JSON."""
    import json

    gan = load_gan(checkpoint)
    from kerasgan import data, metrics, provenance

    gan.signature.output.check_scored(checkpoint)
    size = data.side_of(gan.signature.output.shape)
    pictures, _ = data.load_arrays(dataset, split, size, data_dir)
    pictures = data.subset(pictures, min(num or len(pictures), len(pictures)))
    extractor = metrics.EfficientNetLite0()
    with contextlib.redirect_stdout(sys.stderr):  # progress bars: the output is JSON alone
        score = gan.evaluate(pictures, seed=seed, extractor=extractor)["frechet_distance"]
    line = {
        "metric": extractor.distance_name,
        "value": round(score, 3),
        "dataset": dataset,
        "split": split,
        "n_real": len(pictures),
        "n_fake": len(pictures),
        "image_shape": list(gan.signature.output.shape),
        "sample_seed": seed,
        **provenance.stamp(gan.inference_generator, extractor),
    }
    print(json.dumps(line))


@app.command()
def export(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="Run directory, .keras file or zoo entry; several for a browser."),
    ],
    format: Annotated[str, typer.Option(help="saved_model, tflite, onnx or browser.")],
    output: Annotated[Path, typer.Option(help="Folder, or file (tflite, onnx).")],
    quantization: Annotated[
        str | None, typer.Option(help="For tflite: float16, dynamic, int8 or int16x8.")
    ] = None,
):
    """Write generators for TensorFlow Serving, LiteRT, ONNX runtimes or a browser."""
    formats = ("saved_model", "tflite", "onnx", "browser")
    if format not in formats:
        raise UserError(f'There is no format "{format}", {nearest(format, formats)}')
    if quantization is not None and format != "tflite":
        raise UserError(f"--quantization is for tflite. Received: --format {format}")
    if len(checkpoints) > 1 and format != "browser":
        raise UserError(f"One model goes into {format}. Received: {len(checkpoints)} models")
    gans = [load_gan(path) for path in checkpoints]
    from kerasgan import export as exports

    if format == "browser":
        names = exports.names(checkpoints)
        print(f"Written: {exports.browser(dict(zip(names, gans, strict=True)), output)}")
        print(f"Look at it: python -m http.server --directory {output}")
    else:
        arguments = {"quantization": quantization} if format == "tflite" else {}
        with quiet_cpp():  # the converters' C++ talks too
            written = getattr(exports, format)(gans[0], output, **arguments)
        print(f"Written: {written}")


@app.command()
def inspect(
    artefact: Annotated[Path, typer.Argument(help="A model or any export of one.")],
):
    """Print signatures, size, provenance and scores of a model or an export."""
    start()
    from kerasgan import inspection

    print(inspection.inspect(artefact))


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # a script answers `--help` itself
    }
)
def benchmark(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Name; without one, all are listed.")] = None,
):
    """Run a benchmark: kerasgan benchmark NAME [its options]."""
    from kerasgan import benchmark as benchmarks

    if name in (None, "--help"):
        for script, path in benchmarks.scripts().items():
            print(f"{script:16} {path.read_text(encoding='utf-8').splitlines()[0].strip(chr(34))}")
        return
    path = benchmarks.find(name)
    with quiet_cpp():
        importlib.import_module("tensorflow")
    sys.argv = [f"kerasgan benchmark {name}", *context.args]
    runpy.run_path(str(path), run_name="__main__")
