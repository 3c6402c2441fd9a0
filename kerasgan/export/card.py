"""Model cards: description, scores, licence and usage of a generator."""

from kerasgan import models
from kerasgan.export import metadata
from kerasgan.export.card_code import usage
from kerasgan.signature import Waveform
from kerasgan.utils.licences import LABELS, LICENCES, licence, licence_of_weights

# Scores by features, whose extractor is named behind them, and others.
OF_FEATURES = ("kernel_distance", "precision", "recall", "density", "coverage")
ASKED = {"conditional_accuracy": "conditional accuracy: the classifier sees the class asked for"}
USE = (
    "To see what this GAN learns, to try it out behind a server, on a phone or in a page, and to "
    "compare other trainings with. Not where {one} has to be {true}, or new."
)
USE_OF_WORDS = (
    "To see how a GAN draws words for pictures. In Python, `gan = kerasgan.load('{source}')` and "
    "`gan.words.tags(gan, images)` look them up; the exports take features of EfficientNet-Lite0, "
    "scaled by `words.npz`, and give vectors. Not where a word has to be right: the nearest "
    "training pictures know more of them."
)
SAMPLES = "![64 samples, seeded, not picked](samples.png)"
SPECTROGRAMS = (
    "![64 samples, seeded, not picked](samples.png)\n\nA sample is drawn as its spectrogram, from "
    "20 Hz at the bottom to {top:,} Hz and from -60 dB (black) to 0 (yellow), with its waveform "
    "below."
)
TAGS = (
    "![ten test pictures with their own words, and below these the words drawn; right ones are "
    "green](samples.png)"
)
TEXTS = "![samples, seeded, not picked, each below its text](samples.png)"
RESULTS = "![samples of the test set, each with what it was made from](samples.png)"
EXAMPLES = "![examples of the test set: what was given, made and true](examples.png)"
FILM = "![true films, and below them those that the model continues](film.webp)"
WALKS = "![walks between pairs of latents](interpolation.png)"
WORST = "The eight of 64 samples that are least like test {plural}:\n\n![the worst](worst.png)"
NEIGHBOURS = (
    "The first eight samples, each above the three training {plural} whose features are nearest to "
    "its own:\n\n![samples and their nearest training {plural}](neighbours.png)"
)


def model_card(about, pictures=()):
    """Returns a model card as Markdown.

    Args:
        about: dict, as returned by `kerasgan.export.metadata.describe`. Without `recipe` and
            `scores` the card says that they are unknown; `notes` is Markdown on limits and failures
            of this model.
        pictures: Names of the files next to the card, of which it shows `samples.png` and the like.

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
        *shown(about, pictures),
        "## Use",
        use(about),
        "## Scores",
        score_table(about["scores"]) if "scores" in about else "This model was not scored.",
        "## Data and licence",
        data_section(about),
        "## Limits",
        about.get("notes", "").strip() or limits(about),
        "## How to load it",
        usage(about),
    ]
    return "\n\n".join(parts) + "\n"


def draws_words(about):
    return bool(about.get("recipe", {}).get("data", {}).get("words"))


def makes_sounds(about):
    return isinstance(metadata.signature_of(about).output, Waveform)


def use(about):
    if draws_words(about):
        return USE_OF_WORDS.format(source=about.get("source", about.get("name", "MODEL")))
    sounds = makes_sounds(about)
    return USE.format(one="a sound" if sounds else "an image", true="real" if sounds else "true")


def limits(about):
    if draws_words(about):
        return "It knows the words of its training captions, and pictures like those."
    if makes_sounds(about):
        return "It makes sounds like those it was trained on, of that length. No sound is recorded."
    return "It draws what it was trained on, at that size, and nothing else. No image is real."


def shown(about, pictures):
    """Returns the pictures of a card, and links to sounds."""
    signature, scores = metadata.signature_of(about), about.get("scores", {})
    samples = SAMPLES
    if any(kind.files is not None for kind in signature.given.values()):
        samples = RESULTS
    elif "texts" in scores:
        samples = TEXTS
    elif "tags" in scores:
        samples = TAGS
    elif makes_sounds(about):
        samples = SPECTROGRAMS.format(top=signature.output.rate // 2)
    links = ", ".join(f"[{i}]({path})" for i, path in enumerate(scores.get("sounds", ()), start=1))
    plural = "sounds" if makes_sounds(about) else "pictures"
    texts = {
        "samples.png": samples,
        **({"samples": f"The first samples as WAV files: {links}."} if links else {}),
        "worst.png": WORST.format(plural=plural),
        "neighbours.png": NEIGHBOURS.format(plural=plural),
        "examples.png": EXAMPLES,
        "film.webp": FILM,
        "interpolation.png": WALKS,
    }
    return [text for name, text in texts.items() if name in pictures]


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
    kind = f"A generator of {output.noun}, {output.size}{classes}"
    if signature.given:
        kind = f"A generator that makes {signature.described}"
    lines = [f"{kind}, made with kerasgan {about['kerasgan']}.", paper(about)]
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
    nouns = {"FD[log-mel]": "sounds", "FD[vectors]": "vectors"}
    noun = nouns.get(scores["metric"].partition("@")[0], "images")
    protocol = (
        f"{scores['n_fake']:,} samples against {scores['n_real']:,} real {noun} of "
        f"{scores['dataset']} {scores['split']}; lower distances are better."
    )
    if scores.get("inflated"):
        protocol += f" So few {noun} inflate the distances."
    before = {
        "untrained": "the same before training",
        "floor": f"the same of real training {noun} (the floor)",
    }
    features = scores["metric"].removeprefix("FD")  # [lite0]
    names = {key: f"{key.replace('_', ' ')}{features}" for key in OF_FEATURES} | ASKED

    distance = "distance" if "distance" in scores else "trained"
    rows = [
        (scores["metric"], with_spread(scores, distance, ".1f")),
        *((name, f"{scores[key]:.1f}") for key, name in before.items() if key in scores),
        *((name, with_spread(scores, key, ".4f")) for key, name in names.items() if key in scores),
    ]
    if len(seeds := scores.get("sample_seeds", ())) > 1:
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
    further = [ways_table(scores)] if "ways" in scores else []
    further += [tags_table(scores["tags"])] if "tags" in scores else []
    return "\n\n".join([protocol, "\n".join(lines), *further])


def tags_table(tags):
    """Returns how many of ten words are right, beside simple ways, as Markdown."""
    lines = [
        f"| ten words for each of {tags['n_test']:,} test pictures, by | right words of ten | "
        f"words found |",
        "| --- | ---: | ---: |",
    ]
    for way, found in tags["ways"].items():
        lines.append(f"| {way} | {10 * found['precision']:.2f} | {found['recall']:.1%} |")
    lines.append(f"| all that are right | {10 * tags['best_precision']:.2f} | 100.0% |")
    return "\n".join(lines)


def ways_table(scores):
    """Returns what was measured beside ways that need no GAN, as Markdown."""
    names = {"distance": scores["metric"], "l1": "L1", "psnr": "PSNR", "ssim": "SSIM"}
    forms = {"distance": ".1f", "l1": ".3f", "psnr": ".2f", "ssim": ".3f"}
    keys = [key for key in names if key in scores["ways"]["model"]]
    lines = [
        f"| one of each test example, made by | {' | '.join(names[key] for key in keys)} |",
        f"| --- |{' ---: |' * len(keys)}",
    ]
    for way, found in scores["ways"].items():
        values = (format(found[key], forms[key]) for key in keys)
        lines.append(f"| {way} | {' | '.join(values)} |")
    parts = ["\n".join(lines)]
    if back := scores.get("back"):
        parts.append(
            f"The way back: {scores['metric']} {back['model']:.1f}, of what it is given "
            f"{back['what it is given']:.1f}."
        )
    if twins := scores.get("twins"):
        shares = (
            f"{way} {found['model']:.1%} (what it is given {found['what it is given']:.1%})"
            for way in ("forth", "back")
            for found in [twins[way]]
        )
        parts.append(
            "How often the nearest test picture of the other style is the same emoji: "
            f"{', '.join(shares)}; by chance {twins['chance']:.1%}."
        )
    if ahead := scores.get("ahead"):
        parts.append(
            "Frames ahead, PSNR of the model and of the last frame: "
            + ", ".join(
                f"{place}: {found['model']['psnr']:.1f} and {found['the last frame']['psnr']:.1f}"
                for place, found in enumerate(ahead, start=1)
            )
            + "."
        )
    return "\n\n".join(parts)


def with_spread(scores, key, form):
    """Returns a score as text, with its standard deviation over seeds if there is one."""
    spread = scores.get(f"{key}_seeds_std")
    return f"{scores[key]:{form}}" + ("" if spread is None else f" ± {spread:{form}}")


def data_section(about):
    if "recipe" not in about:
        return "What it was trained on is not known here. kerasgan itself: Apache-2.0."
    table = about["recipe"]["data"]
    name, source = table["name"], table.get("source")
    start = about["recipe"].get("training", {}).get("start_from")
    known = None if start else licence_of_weights([name, source])
    weights = about.get("license", known)  # on the Hub, its owner's
    text = f"Trained on {licence(name)}"
    if source in LICENCES:
        text += f"; and on {licence(source)}"
    terms = {"Apache-2.0": "Weights and code: Apache-2.0.", None: "kerasgan itself: Apache-2.0."}
    other = f"Weights and what is shown here: {weights}. Code: Apache-2.0."
    if start:
        text += f"; started from the weights of {start}, whose licence counts as well"
    text += f". {terms.get(weights, other)}"
    if "label" in metadata.signature_of(about).inputs and name in LABELS:
        text += f"\n\nLabels: {LABELS[name]}."
    return text
