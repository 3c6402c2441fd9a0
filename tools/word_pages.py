"""The sections of RESULTS.md on texts and words."""

from tables import RESULTS, groups, mean, table

from kerasgan.evaluation import records


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
    last = records.like_last(lines, "dataset", "dim", "width", "steps", "g_rate", "d_rate")
    names = {"gan": "ConditionalGAN", "frequent": "most frequent words", "neighbours": "neighbours"}
    rows = [
        (title, mean(last, f"{name}_precision", ".3f"), mean(last, f"{name}_recall", ".3f"))
        for name, title in names.items()
    ]
    rows.append(("most that is possible", mean(last, "best_precision", ".3f"), "1.000"))
    first = last[-1]
    return [
        "## Words from pictures",
        f"`kerasgan benchmark words_from_pictures`: ten words for each of {first['n_test']} test "
        f"pictures of {first['dataset']}, out of {first['vocabulary']}, after {first['steps']:,} "
        "steps; neighbours are the words of the nearest training pictures.",
        table(("words", "precision at 10", "recall at 10"), rows),
        "![words](results/words_from_pictures.png)",
    ]
