"""Licences and class names of the data sets that kerasgan's own models are trained on."""

LICENCES = {
    "drum_hits": "drum kits of Debian's package hydrogen-drumkits, by kit CC0, CC BY 3.0, "
    "CC BY-SA 3.0, GPL-2 or GPL-2+",
    "fashion_mnist": "Fashion-MNIST, Zalando SE, MIT licence",
    "fashion_mnist_mini": "Fashion-MNIST, Zalando SE, MIT licence",
    "moving_fashion_mnist": "films of garments of Fashion-MNIST, Zalando SE, MIT licence",
    "noto_emoji": "Noto Color Emoji, Google, Apache-2.0",
    "noto_emoji_mini": "Noto Color Emoji, Google, Apache-2.0",
    "openmoji": "OpenMoji, the OpenMoji authors, https://openmoji.org, CC BY-SA 4.0",
}
# The licence of weights and samples of models trained on a set, where it is not Apache-2.0.
WEIGHTS = {
    "openmoji": "CC BY-SA 4.0",
    "drum_hits": "Apache-2.0 as far as the kerasgan authors hold rights in them. 602 of the 635 "
    "sounds are under GPL-2 or CC BY-SA 3.0; whether weights and samples are derived from them is "
    "not settled, and NOTICE says what to do if they are",
}
MADE = ("black", "grey", "left", "outline", "right")  # sources that are made of the set itself
IDENTIFIERS = {"Apache-2.0": "apache-2.0", "CC BY-SA 4.0": "cc-by-sa-4.0"}
GARMENTS = (
    "0 T-shirt or top, 1 trousers, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, "
    "8 bag, 9 ankle boot"
)
LABELS = {"fashion_mnist": GARMENTS, "fashion_mnist_mini": GARMENTS}
TITLES = {
    "cifar10": "CIFAR-10",
    "drum_hits": "drum hits",
    "fashion_mnist": "Fashion-MNIST",
    "fashion_mnist_mini": "Fashion-MNIST",
    "moving_fashion_mnist": "moving garments of Fashion-MNIST",
    "noto_emoji": "Noto's emoji",
    "noto_emoji_mini": "Noto's emoji",
    "openmoji": "OpenMoji's emoji",
}


def licence(dataset):
    """Returns a dataset's name and licence, as far as they are known."""
    return LICENCES.get(dataset, f"{dataset}: see its publisher for the licence")


def licence_of_weights(datasets):
    """Returns the licence of weights that were trained on some datasets (`data.name` and
    `data.source` of a recipe), or `None` if that of a dataset is not known here."""
    named = [name for name in datasets if name is not None and name not in MADE]
    if not set(named) <= set(LICENCES):
        return None
    found = [WEIGHTS[name] for name in named if name in WEIGHTS]
    return found[0] if found else "Apache-2.0"


def identifier_of_weights(datasets):
    """Returns `licence_of_weights` as an identifier of the Hugging Face Hub: "other" if it is no
    single licence."""
    return IDENTIFIERS.get(licence_of_weights(datasets), "other")


def title(dataset):
    """Returns a dataset's name, as people write it."""
    return TITLES.get(dataset, dataset)
