"""Model cards: description, scores, licence and usage of a generator."""

from kerasgan import models
from kerasgan.export import metadata
from kerasgan.utils.licences import LABELS, licence

SCORES = {
    "kernel_distance": "kernel distance[lite0]",
    "precision": "precision[lite0]",
    "recall": "recall[lite0]",
    "density": "density[lite0]",
    "coverage": "coverage[lite0]",
    "conditional_accuracy": "conditional accuracy: the classifier sees the class asked for",
}
USE = (
    "To see what this GAN learns, to try it out behind a server, on a phone or in a page, and to "
    "compare other trainings with. Not where an image has to be true, or new."
)
PICTURES = (
    "![64 samples, seeded, not picked](samples.png)",
    "![walks between pairs of latents](interpolation.png)",
)


def model_card(about, pictures=False):
    """Returns a model card as Markdown.

    Args:
        about: dict, as returned by `kerasgan.export.metadata.describe`. Without `recipe` and
            `scores` the card says that they are unknown; `notes` is Markdown on limits and failures
            of this model.
        pictures: Whether `samples.png` and `interpolation.png` are next to the card.

    Returns:
        str.

    Example:

    >>> import kerasgan
    >>> from kerasgan.export import metadata
    >>> card = model_card(metadata.describe(kerasgan.DCGAN((8, 8, 1), width=4)))
    >>> card.splitlines()[0]
    '# dcgan'
    """
    parts = [
        f"# {about.get('name', about['model'])}",
        summary(about),
        *(PICTURES if pictures else ()),
        "## Use",
        USE,
        "## Scores",
        score_table(about["scores"]) if "scores" in about else "This model was not scored.",
        "## Data and licence",
        data_section(about),
        "## Limits",
        about.get("notes", "").strip()
        or "It draws what it was trained on, at that size, and nothing else. No image is real.",
        "## How to load it",
        usage(about),
    ]
    return "\n\n".join(parts) + "\n"


def paper(about):
    """Returns the line on the paper, or `None` for a model without one."""
    if "paper" not in about:  # exported by kerasgan 0.1.0
        model = models.get(about["model"])
        about = {"class": model.__name__, "paper": model.paper}
    if about["paper"] is None:
        return None
    authors, title, url = about["paper"]
    return f'{about["class"]}: {authors}, "{title}", {url}'


def summary(about):
    signature = metadata.signature_of(about)
    output = signature.output
    kinds = [kind.described() for kind in signature.inputs.values()]
    classes = "".join(f", {each}" for each in kinds if each)
    lines = [
        f"A generator of {output.noun}, {output.size}{classes}, made with kerasgan "
        f"{about['kerasgan']}.",
        paper(about),
    ]
    scores = about.get("scores", {})
    size = f"{about['parameters']:,} parameters."
    if "training_minutes" in scores:
        size += f" Trained for {scores['steps']:,} steps, {scores['training_minutes']:.0f} minutes."
    hashes = [
        f"SHA-256 of the arrays, as `kerasgan inspect` prints it: `{about['weights_sha256']}`."
    ]
    hashes += [
        f"SHA-256 of `{name}`: `{digest}`." for name, digest in scores.get("files", {}).items()
    ]
    if choice := scores.get("choice"):
        kind = {"last": "The weights of the last step", "average": "Averaged weights"}
        size += f" {kind[choice['weights']]}, as {choice['precision_on_disk']} on disk."
    return "\n\n".join([*filter(None, lines), size, "  \n".join(hashes)])


def score_table(scores):
    """Returns the scores of `result.json` as Markdown, with their protocol."""
    protocol = (
        f"{scores['n_fake']:,} samples against {scores['n_real']:,} real images of "
        f"{scores['dataset']} {scores['split']}; lower distances are better."
    )
    before = {
        "untrained": "the same before training",
        "floor": "the same of real training images (the floor)",
    }

    distance = "distance" if "distance" in scores else "trained"
    rows = [
        (scores["metric"], with_spread(scores, distance, ".1f")),
        *((name, f"{scores[key]:.1f}") for key, name in before.items() if key in scores),
        *((name, with_spread(scores, key, ".4f")) for key, name in SCORES.items() if key in scores),
    ]
    if seeds := scores.get("sample_seeds"):
        protocol += f" Mean and standard deviation of {len(seeds)} sampling seeds."
    if classes := scores.get("classes_seen"):
        seen = f"{min(classes)} to {max(classes)}"
        rows.append(
            (
                f"samples of each of {len(classes)} classes among {sum(classes):,}, as the "
                "classifier sees them",
                seen,
            )
        )
        protocol += f" The classifier is right on {scores['classifier_test_accuracy']:.1%} of the "
        protocol += "real test images."
    lines = ["| metric | value |", "| --- | ---: |", *(f"| {a} | {b} |" for a, b in rows)]
    return protocol + "\n\n" + "\n".join(lines)


def with_spread(scores, key, form):
    """Returns a score as text, with its standard deviation over seeds if there is one."""
    spread = scores.get(f"{key}_seeds_std")
    return f"{scores[key]:{form}}" + ("" if spread is None else f" ± {spread:{form}}")


def data_section(about):
    if "recipe" not in about:
        return "What it was trained on is not known here. kerasgan itself: Apache-2.0."
    name = about["recipe"]["data"]["name"]
    text = f"Trained on {licence(name)}. Weights and code: Apache-2.0."
    if "label" in metadata.signature_of(about).inputs and name in LABELS:
        text += f"\n\nLabels: {LABELS[name]}."
    return text


def usage(about):
    """Returns Markdown with code for Keras, TensorFlow Serving and LiteRT."""
    name = about.get("name", "MODEL")
    signature = metadata.signature_of(about)
    output, asked = signature.output, signature.asked
    seeds = {key: kind for key, kind in signature.inputs.items() if kind.seeded}
    label = "".join(f', "{key}": {kind.literal()}' for key, kind in asked.items())
    keras = "".join(f", {key}={kind.literal(4)}" for key, kind in asked.items())
    if "truncation" in signature.served and "truncation" not in asked:
        label, keras = f'{label}, "truncation": [1.0]', f"{keras}, truncation=1.0"
    draws = [kind.numpy_draw(key) for key, kind in seeds.items()]
    calls = [f"{key}={key}" for key in seeds]
    calls += [f"{key}=np.{kind.dtype.name}({kind.literal()})" for key, kind in asked.items()]
    drawn = "\n".join(["random = np.random.default_rng(0)", *draws] if draws else draws)
    form = list(output.endpoints())
    endpoint = f"sample_{form[-1]}" if form else "sample"
    known = "" if "name" in about else " `MODEL` stands for where it is.\n"
    return f"""{known}
```python
import kerasgan

gan = kerasgan.load("{name}")
samples = gan.sample(4{keras}, seed=0)  # float32 (4, {", ".join(map(str, output.shape))})
```

TensorFlow Serving, after `kerasgan export {name} --format saved_model --output served/{name}`:

```sh
curl -d '{{"signature_name": "{endpoint}", "inputs": {{"seed": 0, "num": 4{label}}}}}' \\
    http://localhost:8501/v1/models/{name}:predict
```

LiteRT, after `kerasgan export {name} --format tflite --output {name}.tflite`:

```python
import numpy as np
from ai_edge_litert.interpreter import Interpreter

run = Interpreter("{name}.tflite").get_signature_runner("serving_default")
{drawn}
{output.tensor} = run({", ".join(calls)})["{output.tensor}"]  # one sample
```""".strip()
