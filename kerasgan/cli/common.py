"""What the commands share: errors, start-up, options."""

import contextlib
import functools
import inspect
import os
import signal
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Annotated

import typer

from kerasgan import __version__
from kerasgan.utils.errors import TrainingFailed, UserError
from kerasgan.utils.files import state

app = typer.Typer(
    help="Train, score and ship GANs with Keras.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="table.key=value, over the recipe; may be given again."),
]


DataDir = Annotated[Path | None, typer.Option(help="Where TFDS keeps its data.")]


def entries_like(incomplete):
    """Returns the names of zoo entries that begin so, for the shell's completion."""
    from kerasgan import zoo

    return [name for name in zoo.names() if name.startswith(incomplete)]


def recipes_like(incomplete):
    """Returns the names of the zoo's recipes that begin so."""
    from kerasgan.zoo import entries

    return [name for name in entries.names_of_recipes() if name.startswith(incomplete)]


def models_like(incomplete):
    """Returns the names of models that begin so."""
    from kerasgan import models

    return [name for name in models.names() if name.startswith(incomplete)]


Checkpoint = Annotated[
    Path,
    typer.Argument(
        help="A zoo entry, a run directory, a .keras file or hf://user/name.",
        autocompletion=entries_like,
    ),
]


Import = Annotated[
    Path | None, typer.Option("--import", help="Python file that defines the model's class.")
]


Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier output.")]


Seed = Annotated[int, typer.Option(min=0, help="Seed of the samples.")]


def main(arguments=None, app=app, name="kerasgan"):
    """Runs the command line and exits with 0 (done), 1 (failed) or 2 (user error)."""
    # SIGTERM cleans up partial files, like Ctrl-C. Trainings have handlers of their own.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    told = set()

    def once(message, *_, **__):
        if str(message) not in told:
            told.add(str(message))
            fail(str(message), 0)

    warnings.showwarning = once
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
    """Runs a function as the command line of a script, with the same handling of errors.

    Args:
        function: Function that typer turns into a command.
        cpu_devices: Number of logical CPU devices.
    """
    start(cpu_devices=cpu_devices)
    script = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    script.command()(told(importing(function)))
    main(app=script, name=os.path.basename(sys.argv[0]))


def importing(function):
    """Returns a script's function with the option `--import`, if it takes models. The file goes on
    to a function that takes `module` itself."""
    signature = inspect.signature(function)
    named = dict(signature.parameters)
    if not {"source", "sources"} & set(named):
        return function

    @functools.wraps(function)
    def run(module=None, **arguments):
        if module is not None:
            from kerasgan import models

            models.import_file(module)
        function(**arguments, **({"module": module} if "module" in named else {}))

    option = inspect.Parameter("module", inspect.Parameter.KEYWORD_ONLY, default=None)
    shown = {**named, "module": option.replace(annotation=Import)}
    run.__signature__ = signature.replace(parameters=list(shown.values()))
    return run


def told(function):
    """Returns a script's function that ends by naming the results that it has written.

    Args:
        function: Its function; results are files in the folder that its argument `output` names.
    """

    @functools.wraps(function)
    def run(**arguments):
        folder = arguments.get("output")
        before = states(folder)
        function(**arguments)
        written = [path for path, state in states(folder).items() if before.get(path) != state]
        if written:
            print("\nLook at", *written, sep="\n  ")

    return run


def states(folder):
    """Returns the sizes and times of the files in a folder by path, in order."""
    if not isinstance(folder, Path) or not folder.is_dir():
        return {}
    return {path: state(path) for path in sorted(folder.iterdir()) if path.is_file()}


def fail(message, code):
    print("kerasgan: " + " ".join(message.split()), file=sys.stderr)
    return code


@contextlib.contextmanager
def quiet_cpp():
    """Hides the output of TensorFlow's C++ code, unless the block fails."""
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
    """Imports TensorFlow, without its start-up messages, and returns the strategy."""
    with quiet_cpp():
        import tensorflow as tf

        from kerasgan.training import strategies

        strategies.grow_memory()
        if cpu_devices > 1:
            strategies.split_cpu(cpu_devices)
        # Before the devices are listed, since workers must be known first.
        made = strategies.strategy(strategy) if strategy else tf.distribute.get_strategy()
        tf.config.list_logical_devices()
        return made


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
):
    if version:
        print(f"kerasgan {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def load_gan(path, module=None):
    """Loads the model of a run directory, a .keras file or a zoo entry.

    Args:
        path: Its path or name.
        module: Python file that defines its class, or `None`.
    """
    from kerasgan import models, zoo

    zoo.find(path)  # reports a mistake before TensorFlow starts
    start()
    if module is not None:
        models.import_file(module)
    return zoo.load(path)


def sides(text):
    """Returns the `image_size` that "64" or "48x32" (height x width) names."""
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise UserError(f"--image-size is a side or height x width: 64, 48x32. Received: {text}")
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else numbers
