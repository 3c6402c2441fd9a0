"""The command line that rest_client.py and grpc_client.py share. It needs only Python."""

import argparse
import json
import sys
from pathlib import Path


class ServingError(Exception):
    """An error of a request, in one sentence."""


class Client:
    """A TensorFlow Serving server. A subclass speaks one protocol: `status`, `metadata`, `predict`.

    Args:
        server: Address of the server.
    """

    def __init__(self, server):
        self.server = server

    def status(self, model):
        """Returns the model's versions: list of (version, state, message)."""
        raise NotImplementedError

    def metadata(self, model):
        """Returns for each signature {"inputs": {name: (dtype, shape)}, "outputs": ...}."""
        raise NotImplementedError

    def predict(self, model, inputs, signature="serving_default"):
        """Sends a request and returns the signature's only output: nested lists; files are bytes.

        Args:
            model: Name of a model that is served.
            inputs: dict of numbers and nested lists, by the signature's names.
            signature: Name of a signature.

        Raises:
            ServingError: If there is no answer, or the server rejects the request.
        """
        raise NotImplementedError

    def sample_files(self, model, seed, num, label=None, truncation=None, text=None):
        """Returns samples as files: PNG, or WAV of models that make sounds.

        Args:
            model: Name of a model that is served.
            seed: int. The same seed gives the same images, and a larger `num` only adds to them.
            num: Number of images, 1 to 1024.
            label: For conditional models: list of class ids, one for all images or `num` of them.
            truncation: For models that offer the truncation trick: list of thresholds, likewise; 1
                truncates nothing for StyleGAN2, 6 for all others.
            text: For models that draw texts: list of texts, likewise.

        Returns:
            Pair of a list of bytes and their suffix, "png" or "wav".

        Raises:
            ServingError: If the model takes other inputs, there is no answer, or the server
                rejects the request.
        """
        stem = "sample" if text is None else "text"
        served = self.metadata(model)
        name = next((name for name in (f"{stem}_png", f"{stem}_wav") if name in served), None)
        if name is None:
            raise ServingError(f"{model} has no {stem}_png. It has: {', '.join(sorted(served))}")
        inputs = {"seed": seed, "num": num, "label": label, "truncation": truncation, "text": text}
        inputs = {name: value for name, value in inputs.items() if value is not None}
        if set(inputs) != set(served[name]["inputs"]):
            wanted = ", ".join(sorted(served[name]["inputs"]))
            raise ServingError(f"{model} takes {wanted}. Received: {', '.join(sorted(inputs))}")
        return self.predict(model, inputs, name), name.rpartition("_")[2]

    def from_pictures(self, model, files):
        """Returns what a model that takes pictures makes of picture files, as PNG files.

        Args:
            model: Name of a model that is served.
            files: dict from the inputs' names to lists of bytes, PNG or JPEG; for films to lists of
                such lists, one file for each frame.

        Returns:
            list of bytes.
        """
        return self.predict(model, {f"{name}_bytes": each for name, each in files.items()}, "png")

    def no_answer(self, why):
        return ServingError(
            f"No server answers at {self.server} ({why}): start it, or name another with --server."
        )


def main(client, server, arguments=None):
    """Runs a client's command line and exits with 0 (done), 1 (server error) or 2 (user error).

    Args:
        client: A subclass of `Client`.
        server: Its default address.
        arguments: list of str; by default those of the process.
    """
    parser = parse(client, server)
    options = parser.parse_args(arguments)
    try:
        for line in COMMANDS[options.command](client(options.server), options):
            print(line)
    except ServingError as error:
        sys.exit(f"{parser.prog}: {' '.join(str(error).split())}")
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}")
    sys.exit(0)


def parse(client, server):
    parser = argparse.ArgumentParser(description=client.__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.__doc__)
        added.add_argument("model", help="Name of a model that is served.")
        added.add_argument("--server", default=server, help=f"Address; {server} by default.")
        if name == "sample":
            added.add_argument("--num", type=int, default=8, help="Number of samples, 1 to 1024.")
            added.add_argument("--seed", type=int, default=0)
            added.add_argument("--label", type=int, nargs="+", help="Class ids: one, or --num.")
            added.add_argument(
                "--truncation",
                type=float,
                nargs="+",
                help="Thresholds, for models that take them; 1 for StyleGAN2 and 6 for others "
                "truncate nothing.",
            )
            added.add_argument("--text", nargs="+", help="Texts, for models that draw them.")
            added.add_argument("--output", type=Path, default=Path("samples"), help="Folder.")
        if name == "translate":
            added.add_argument(
                "--input",
                nargs="+",
                action="append",
                required=True,
                metavar=("NAME", "FILE"),
                help="Input and its picture files; again for each input. Films: all their frames.",
            )
            added.add_argument("--output", type=Path, default=Path("translated"), help="Folder.")
        if name == "predict":
            added.add_argument("inputs", type=Path, help='JSON: {"z": [[...], ...], "label": ...}')
            added.add_argument("output", type=Path, help="JSON file to write the images to.")
    return parser


def status(client, options):
    """List the versions that are served."""
    for version, state, message in client.status(options.model):
        yield f"{options.model} version {version}: {state} {message}".rstrip()


def metadata(client, options):
    """List signatures with their inputs and outputs."""
    for name, signature in sorted(client.metadata(options.model).items()):
        yield name
        for kind, tensors in signature.items():
            for tensor, (dtype, shape) in sorted(tensors.items()):
                yield f"  {kind:8}{tensor:12} {dtype} {shape}"


def sample(client, options):
    """Write samples as PNG or WAV files."""
    asked = (options.label, options.truncation, options.text)
    files, suffix = client.sample_files(options.model, options.seed, options.num, *asked)
    options.output.mkdir(parents=True, exist_ok=True)
    for i, content in enumerate(files):
        (options.output / f"{i:04}.{suffix}").write_bytes(content)
    yield f"{len(files)} samples, seed {options.seed}: {options.output}"


def translate(client, options):
    """Turn picture files into pictures."""
    wanted = client.metadata(options.model).get("png", {"inputs": {}})["inputs"]
    files = {name: [Path(path) for path in paths] for name, *paths in options.input}
    if {f"{name}_bytes" for name in files} != set(wanted):
        names = ", ".join(sorted(name.removesuffix("_bytes") for name in wanted)) or "no pictures"
        raise ServingError(f"{options.model} takes {names}. Received: {', '.join(files)}")
    rows = {}
    for name, paths in files.items():
        _, shape = wanted[f"{name}_bytes"]
        frames = shape[1] if len(shape) > 1 else 1
        if len(paths) % frames or not paths:
            raise ServingError(
                f"`{name}` must be films of {frames} frames each. Received: {len(paths)} files"
                if frames > 1
                else f"`{name}` must be at least one file. Received: none"
            )
        contents = [path.read_bytes() for path in paths]
        films = [contents[start : start + frames] for start in range(0, len(paths), frames)]
        rows[name] = films if len(shape) > 1 else contents
    made = client.from_pictures(options.model, rows)
    first = next(iter(files.values()))
    options.output.mkdir(parents=True, exist_ok=True)
    for place, content in enumerate(made):
        stem = first[place * (len(first) // len(made))].stem
        (options.output / f"{place:04}-{stem}.png").write_bytes(content)
    yield f"{len(made)} pictures: {options.output}"


def predict(client, options):
    """Turn your own latents into images."""
    try:
        inputs = json.loads(options.inputs.read_text(encoding="utf-8"))
        names = sorted(inputs.keys())
    except (ValueError, AttributeError) as error:
        raise ServingError(
            f'{options.inputs} must hold inputs by name, {{"z": [[...], ...]}}: {error}'
        ) from error
    images = client.predict(options.model, inputs)
    options.output.write_text(json.dumps(images), encoding="utf-8")
    yield f"{len(images)} images of {', '.join(names)}: {options.output}"


COMMANDS = {
    "status": status,
    "metadata": metadata,
    "sample": sample,
    "translate": translate,
    "predict": predict,
}
