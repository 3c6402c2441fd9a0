"""The graph signatures of a served model, with their checks of requests."""

import keras
import tensorflow as tf

from kerasgan.signature.decoding import are_pictures
from kerasgan.signature.truncation import THRESHOLD

MOST = 1024  # samples that one request may ask for


def archive(gan):
    """Returns a `keras.export.ExportArchive` with a model's signatures."""
    # No `track`: the endpoints find the weights by themselves, and both would store them twice.
    made = keras.export.ExportArchive()
    for name, (function, signature) in signatures(gan).items():
        made.add_endpoint(name, function, input_signature=signature)
    return made


def signatures(gan):
    """Returns for each signature's name its function and the specs of its inputs."""
    signature = gan.signature
    output = signature.output

    def serve(*inputs):
        return checked_generate(gan, signature.named(inputs))

    def sample(seed, num, *served):
        with tf.control_dependencies(
            [
                tf.debugging.assert_positive(num, "`num` must be 1 or more."),
                tf.debugging.assert_less_equal(num, MOST, f"`num` must be {MOST} or less."),
            ]
        ):
            values = {
                name: for_each(values, num, name)
                for name, values in zip(signature.served, served, strict=True)
            }
            drawn = signature.draw(num, tf.stack([seed, 0]), values, truncation(values))
        return checked_generate(gan, signature.named(drawn))

    def truncation(values):
        if "truncation" in signature.inputs or "truncation" not in values:
            return None
        threshold = values["truncation"]
        with tf.control_dependencies(THRESHOLD.assertions(threshold, "truncation")):
            return tf.identity(threshold)

    def formed(form):
        return lambda *inputs: form(sample(*inputs))

    functions = {
        "serving_default": (lambda *inputs: {output.tensor: serve(*inputs)}, signature.specs)
    }
    if signature.seeded:
        wanted = [tf.TensorSpec((), tf.int64, "seed"), tf.TensorSpec((), tf.int32, "num")]
        wanted += [kind.spec(name) for name, kind in signature.served.items()]
        functions["sample"] = (lambda *inputs: {output.tensor: sample(*inputs)}, wanted)
        for suffix, form in output.endpoints().items():
            functions[f"sample_{suffix}"] = (formed(form), wanted)
    return {
        **functions,
        **picture_signatures(gan),
        **text_signatures(signature, functions),
        **gan.further_signatures(),
    }


def picture_signatures(gan):
    """Returns the signatures that take pictures as bytes or files, and return the same.

    They are `uint8`, whose inputs have the size that the network takes, and `png`, whose inputs are
    called `<name>_bytes` and hold PNG or JPEG files of any size. A model that also draws inputs
    takes `seed` besides. There are none if another input is needed, or the output is no picture.
    """
    signature, forms = gan.signature, gan.signature.output.endpoints()
    asked = signature.asked
    if not asked or any(kind.source != "given" or kind.files is None for kind in asked.values()):
        return {}
    seed = [tf.TensorSpec((), tf.int64, "seed")] if signature.seeded else []

    def generate(values, drawn):
        values = {name: kind.from_bytes(values[name]) for name, kind in asked.items()}
        num = tf.shape(next(iter(values.values())))[0]
        key = tf.stack([drawn[0], 0]) if drawn else None
        return checked_generate(gan, signature.named(signature.draw(num, key, values)))

    def parted(inputs):
        return inputs[: len(seed)], dict(zip(asked, inputs[len(seed) :], strict=True))

    def from_pixels(*inputs):
        drawn, values = parted(inputs)
        return forms["uint8"](generate(values, drawn))

    def from_files(*inputs):
        drawn, files = parted(inputs)
        with tf.control_dependencies(checks_of_files(files)):
            files = {
                name: tf.ensure_shape(each, (None, *asked[name].files))
                for name, each in files.items()
            }
            values = {name: asked[name].decode(each) for name, each in files.items()}
        return forms["png"](generate(values, drawn))

    made = {}
    if "uint8" in forms:
        wanted = [
            tf.TensorSpec((None, *kind.shape), tf.uint8, name) for name, kind in asked.items()
        ]
        made["uint8"] = (from_pixels, [*seed, *wanted])
    if "png" in forms:
        wanted = [
            tf.TensorSpec((None, *kind.files), tf.string, f"{name}_bytes")
            for name, kind in asked.items()
        ]
        made["png"] = (from_files, [*seed, *wanted])
    return made


def checks_of_files(files):
    """Returns assertions about the files of a request, a dict of string tensors (N, ...)."""
    first = next(iter(files))
    num = tf.shape(files[first])[0]
    message = f"`{first}_bytes` must hold at least one file."
    checks = [tf.debugging.assert_positive(num, message)]
    for name, contents in files.items():
        message = f"`{name}_bytes` must hold as many values as `{first}_bytes`."
        checks.append(tf.debugging.Assert(tf.equal(tf.shape(contents)[0], num), [message]))
        message = f"`{name}_bytes` must hold PNG or JPEG files."
        checks.append(tf.debugging.Assert(are_pictures(contents), [message]))
    return [check for check in checks if check is not None]


def text_signatures(signature, functions):
    """Returns the signatures that take texts as strings, where the model has an encoder: `text` as
    `sample`, `text_png` as `sample_png` and so on.

    Args:
        signature: The model's signature.
        functions: dict of its other signatures, as `signatures` returns it.
    """
    kinds = signature.served
    texts = [name for name, kind in kinds.items() if getattr(kind, "encoder", None) is not None]

    def of_texts(function):
        def serve(seed, num, *served):
            values = dict(zip(kinds, served, strict=True))
            for name in texts:
                with tf.control_dependencies(kinds[name].text_assertions(values[name], name)):
                    values[name] = kinds[name].convert(tf.identity(values[name]))
            return function(seed, num, *values.values())

        return serve

    if not texts:
        return {}
    made = {}
    for name, (function, specs) in functions.items():
        if name.startswith("sample"):
            specs = [
                tf.TensorSpec((None,), tf.string, spec.name) if spec.name in texts else spec
                for spec in specs
            ]
            made[name.replace("sample", "text", 1)] = (of_texts(function), specs)
    return made


def for_each(values, num, name):
    """Repeats a single value of an input for all samples; `num` values are returned unchanged."""
    count = tf.shape(values)[0]
    fits = tf.reduce_any([tf.equal(count, 1), tf.equal(count, num)])
    message = f"There must be one {name}, or `num` of them. Received:"
    with tf.control_dependencies([tf.debugging.Assert(fits, [message, count])]):
        return tf.broadcast_to(values, tf.concat([[num], tf.shape(values)[1:]], axis=0))


def checked_generate(gan, inputs):
    """As `gan.generate`, with checks in the graph that answer bad requests.

    Args:
        gan: The model.
        inputs: dict of tensors by input name, in the generator's order.
    """
    kinds = gan.signature.inputs
    first = next(iter(inputs))
    inputs = {
        name: tf.ensure_shape(values, (None, *kinds[name].shape)) for name, values in inputs.items()
    }
    num = tf.shape(inputs[first])[0]
    said = "latent vector" if kinds[first].seeded else "value"
    checks = [tf.debugging.assert_positive(num, f"`{first}` must hold at least one {said}.")]
    for name, values in inputs.items():
        message = f"There must be a {name} for each {said}."
        checks.append(tf.debugging.Assert(tf.equal(tf.shape(values)[0], num), [message]))
        checks += kinds[name].assertions(values, name)
    with tf.control_dependencies([check for check in checks if check is not None]):
        return gan.generate(*map(tf.identity, inputs.values()))
