"""The sections of RESULTS.md on texts and words."""

from tables import RESULTS, groups, table

from kerasgan.evaluation import records
from kerasgan.export import card


def text_section():
    lines = records.read(RESULTS / "text_to_image.jsonl")
    if not lines:
        return []
    header = ("source", "right", "exchanged", "chance", "of classes", "name", "real", "own in 10")
    keys = ("right", "shuffled", "chance", "class_conditional", "nearest_name", "real", "own")
    rows = []
    for (source, metric), found in groups(lines, "source", "metric").items():
        last = found[-1]
        shares = ("–" if last[key] is None else f"{last[key]:.1%}" for key in keys)
        rows.append((source, *shares, f"{metric} {last['distance']:.1f}"))
    last = lines[-1]
    return [
        "## Images of texts",
        f"`kerasgan benchmark text_to_image`: {last['draws']} samples of each of "
        f"{last['captions']} captions of {last['dataset']} {last['split']}, which no training saw. "
        "Share of samples whose nearest test picture is in the group of their caption (right), of "
        "another caption (exchanged), by chance, of samples by a model of the groups alone (of "
        "classes), of the training pictures with the nearest name (name), and of real pictures; "
        "and share with their own picture among the ten nearest. Distances of so few real images "
        "are inflated.",
        table((*header, "distance"), rows),
        "![texts](results/text_to_image.png)",
    ]


def words_section():
    lines = records.read(RESULTS / "words_from_pictures.jsonl")
    if not lines:
        return []
    parts = [
        "## Words from pictures",
        "`kerasgan benchmark words_from_pictures`, as in section 4.2 of "
        "[Mirza & Osindero 2014](https://arxiv.org/abs/1411.1784): the ten words that are most "
        "often among the 20 nearest to 100 drawn vectors.",
    ]
    for (source,), found in groups(lines, "source").items():
        line = found[-1]
        parts += [
            f"### {source}",
            f"{line['vocabulary']} words of {line['n_train']:,} training pictures of "
            f"{line['dataset']}.",
            card.tags_table(line),
        ]
    return parts
