"""What a generator takes and gives, and what one training example is.

A model declares its `Signature` once. The checks of `fit`, sampling, exports, cards and pages
iterate over it.
"""

import numbers

import numpy as np

from kerasgan.signature.image import Image
from kerasgan.signature.inputs import Label, Latent, Vector
from kerasgan.signature.kind import Kind
from kerasgan.signature.truncation import THRESHOLD, truncated
from kerasgan.utils.errors import UserError


class Signature:
    """The named inputs of a generator, its output, and the parts of a training example.

    Args:
        inputs: dict from an input's name to its kind, in the generator's order. The names are
            those of the network's inputs; "image" and the other names of outputs are reserved.
        output: Kind of the output: `Image`, `Vector` or `Waveform`.
        extra: dict of parts that only the discriminator uses.
        made: dict from the name of an input that must be given to a function that makes it from
            the parts of examples, a dict of tensors or arrays (N, ...) by name, such as small
            pictures from large ones. Such an input is no part of an example.

    Attributes:
        inputs, output: As given.
        example: dict of the parts of a training example by name: the output, then the inputs that
            come from data, then `extra`. `train_step` gets them in this order.

    Raises:
        UserError: If an input has the output's name, or none is called as one that is made.

    Example:

    >>> signature = Signature({"z": Latent(100), "label": Label(10)}, Image((32, 32, 1)))
    >>> list(signature.example)
    ['image', 'label']
    """

    def __init__(self, inputs, output, extra=None, made=None):
        self.inputs = dict(inputs)
        self.output = output
        self.extra = dict(extra or {})
        self.made = dict(made or {})
        if unknown := sorted(set(self.made) - set(self.given)):
            raise UserError(
                f"What is made of examples must be inputs that must be given: "
                f"{', '.join(self.given)}. Received: {', '.join(unknown)}"
            )
        given = {
            name: kind
            for name, kind in self.inputs.items()
            if kind.in_example and name not in self.made
        }
        parts = [output.part, *given, *self.extra]
        if len(set(parts)) < len(parts):
            raise UserError(
                f'The parts of an example must have different names, and "{output.part}" is that '
                f"of the output. Received: {', '.join(parts)}"
            )
        self.example = {output.part: output, **given, **self.extra}

    @property
    def specs(self):
        """List of the `tf.TensorSpec` of the generator's inputs, for any batch size."""
        return [kind.spec(name) for name, kind in self.inputs.items()]

    @property
    def given(self):
        """dict of the inputs that must be given: not drawn, and without a default."""
        return {name: kind for name, kind in self.inputs.items() if kind.source == "given"}

    @property
    def asked(self):
        """dict of the inputs that are not drawn from a seed."""
        return {name: kind for name, kind in self.inputs.items() if not kind.seeded}

    @property
    def seeded(self):
        """Whether the output depends on a seed."""
        return any(kind.seeded for kind in self.inputs.values())

    @property
    def truncates(self):
        """Whether the truncation trick applies: all that is drawn from a seed is normal.

        Not if an input is itself called `truncation`: then the generator knows what it does.
        """
        drawn = [kind.normal for kind in self.inputs.values() if kind.seeded]
        return bool(drawn) and all(drawn) and "truncation" not in self.inputs

    @property
    def served(self):
        """dict of what exports that draw from a seed take besides: `asked`, and `truncation` if
        latents offer it."""
        offered = self.truncates and any(kind.truncation for kind in self.inputs.values())
        return {**self.asked, **({"truncation": THRESHOLD} if offered else {})}

    @property
    def turns(self):
        """Number of values that an input takes in turn, such as classes; `None` without one."""
        return next((kind.turns for kind in self.inputs.values() if kind.turns), None)

    @property
    def title(self):
        """What a model makes of what, in a few words, as headings have it.

        Example:

        >>> Signature({"z": Latent(8), "label": Label(3)}, Image((8, 8, 1))).title
        'Images of a class'
        """
        title = self.output.noun.capitalize()
        if self.given:
            sources = dict.fromkeys(kind.noun for kind in self.given.values())
            return f"{title} from {' and '.join(sources)}"
        return f"{title} of a class" if self.turns else title

    @property
    def described(self):
        """What comes out and what goes in: "8x8 colour pictures from 8x8 grey pictures `source`".

        Example:

        >>> Signature({"z": Latent(8), "label": Label(3)}, Image((8, 8, 1))).described
        '8x8 grey pictures from 8 latents `z` and 3 classes `label`'
        """
        inputs = [f"{kind.words} `{name}`" for name, kind in self.inputs.items()]
        last = " and ".join(filter(None, [", ".join(inputs[:-1]), inputs[-1]]))
        return f"{self.output.words} from {last}"

    @property
    def needed(self):
        """Names of the parts of an example of which the inputs that must be given consist or are
        made; the output is among them."""
        return [self.output.part, *(name for name in self.given if name not in self.made)]

    def given_of(self, parts):
        """Returns the inputs that must be given, of examples.

        Args:
            parts: dict of arrays or tensors (N, ...) by name: at least those of `needed`.

        Returns:
            dict of arrays or tensors (N, ...) by name.
        """
        return {
            name: self.made[name](parts) if name in self.made else parts[name]
            for name in self.given
        }

    def inputs_of(self, parts):
        """Returns the inputs that must be given, of examples as data sets hold them.

        Args:
            parts: dict of arrays (N, ...) by name, of any dtype that `fit` takes: at least those of
                `needed`.

        Returns:
            dict of arrays (N, ...) by name; empty if no inputs must be given.
        """
        if not self.given:
            return {}
        parts = {name: np.asarray(self.example[name].convert(parts[name])) for name in self.needed}
        return {name: np.asarray(values) for name, values in self.given_of(parts).items()}

    def draw(self, num, seed, values=None, truncation=None):
        """Returns the generator's inputs, in order: as given, or else drawn or by default.

        Args:
            num: int, or scalar int tensor.
            seed: int tensor (2,), for the latents.
            values: dict of tensors (num, ...) by input name; must contain the inputs that are
                neither drawn nor have a default.
            truncation: float32 tensor (num,): thresholds of the normal latents; `None` for none.
        """
        values = values or {}

        def drawn(kind):
            draw = kind.draw(num, seed)
            return truncated(draw, truncation) if kind.normal and truncation is not None else draw

        return [
            values[name] if name in values else drawn(kind) for name, kind in self.inputs.items()
        ]

    def named(self, values):
        """Returns inputs in the generator's order as a dict by name."""
        return dict(zip(self.inputs, values, strict=True))

    def example_from(self, x, y=None, who="The model"):
        """Returns the parts of an example by name, from what `fit` accepts.

        Dicts are matched by name; unknown parts are ignored. Tuples, and `x` with `y`, are matched
        by the order of `example`; labels are ignored if examples have one part.

        Args:
            x: Tensor, array or spec; tuple or dict of those.
            y: The parts after `x`, in the same forms; or `None`.
            who: Name of the model in errors.

        Returns:
            dict in the order of `example`.

        Raises:
            UserError: If a part is missing, or there are too many.
        """
        names = list(self.example)
        if isinstance(y, dict):
            x = {**(x if isinstance(x, dict) else {names[0]: x}), **y}
        elif y is not None:
            x = (*(x if isinstance(x, tuple | list) else [x]), *(y if type(y) is tuple else [y]))
        if isinstance(x, dict):
            parts = x
        else:
            parts = list(x) if isinstance(x, tuple | list) else [x]
            while len(parts) > 1 and parts[-1] is None:  # as `train_on_batch` hands over
                parts.pop()
            if isinstance(parts[0], dict):
                others = dict(zip(names[1:], parts[1:], strict=False))
                return self.example_from(parts[0], others, who)
            if len(parts) == 2 and len(names) == 1:  # labels, which this model does not use
                parts.pop()
            if len(parts) > len(names):
                raise UserError(
                    f"{who} trains on ({', '.join(names)}). Received: {len(parts)} parts"
                )
            parts = dict(zip(names, parts, strict=False))
        missing = [name for name in names if parts.get(name) is None]
        if missing and names[0] in parts:
            kind = self.example[missing[0]]
            shape = ", ".join(map(str, ["N", *kind.shape]))
            maker = "pairs(...)" if isinstance(kind, Image) else "load(..., labels=True)"
            raise UserError(
                f"{who} is conditional: `{missing[0]}` must be given, shape ({shape}), since it "
                f"trains on ({', '.join(names)}), e.g. `kerasgan.data.{maker}`. "
                f"Received: {', '.join(parts)} alone"
            )
        if missing:
            raise UserError(
                f"{who} trains on ({', '.join(names)}). Received: {', '.join(parts) or 'nothing'}"
            )
        return {name: parts[name] for name in names}

    def get_config(self):
        """Returns the signature as a dict of JSON values, for `from_config`."""
        return {
            "inputs": {name: kind.get_config() for name, kind in self.inputs.items()},
            "output": self.output.get_config(),
            "extra": {name: kind.get_config() for name, kind in self.extra.items()},
        }

    @classmethod
    def from_config(cls, config):
        return cls(
            {name: kind_from(kind) for name, kind in config["inputs"].items()},
            kind_from(config["output"]),
            {name: kind_from(kind) for name, kind in config["extra"].items()},
        )

    @classmethod
    def of_first_edition(cls, about):
        """Returns the signature of an export that kerasgan 0.1.0 wrote.

        Args:
            about: dict with "latent_dim", "latent_range" and "image_shape", and "num_classes" or
                "condition_dim" where the model takes one.
        """
        inputs = {"z": Latent(about["latent_dim"], about["latent_range"])}
        if about.get("num_classes"):
            inputs["label"] = Label(about["num_classes"])
        if about.get("condition_dim"):
            inputs["condition"] = Vector(about["condition_dim"])
        return cls(inputs, output_of(about["image_shape"]))


def output_of(shape):
    """Returns the kind of output for a shape: an image, or a vector.

    Example:

    >>> output_of((28, 28, 1)), output_of((2,))
    (Image((28, 28, 1)), Vector(2))
    """
    sizes = list(shape) if hasattr(shape, "__iter__") and not isinstance(shape, str) else []
    if len(sizes) not in (1, 3) or not all(isinstance(size, numbers.Integral) for size in sizes):
        raise UserError(
            "`image_shape` must be (height, width, channels), or (dimensions,) for points. "
            f"Received: image_shape={shape!r}"
        )
    return Image(sizes) if len(sizes) == 3 else Vector(*sizes)


def kind_from(config):
    """Returns the kind that `get_config` of one described."""
    arguments = {name: value for name, value in config.items() if name != "kind"}
    kinds = {kind.__name__.lower(): kind for kind in Kind.__subclasses__()}
    return kinds[config["kind"]](**arguments)
