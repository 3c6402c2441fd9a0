"""The section of RESULTS.md on sounds."""

from tables import RESULTS, groups, table

from kerasgan.evaluation import records


def sound_section():
    lines = records.read(RESULTS / "sounds.jsonl")
    if not lines:
        return []
    parts = [
        "## Sounds",
        "`kerasgan benchmark sounds`: samples beside the same model before training, white noise "
        "with the mean envelope of the training sounds, training sounds with random phases, and "
        "real sounds. Recognised is the share that a classifier, trained on the training sounds, "
        "gives one of the named classes with a probability of at least 0.5.",
    ]
    for (source,), found in groups(lines, "source").items():
        parts += one(source, found[-1])
    return parts


def one(source, line):
    """Returns the part on one model: its last line."""
    classes = line["recognised_classes"] or []
    rows = []
    for name, scores in line["ways"].items():
        distance = f"{scores['distance']:.1f}" if "distance" in scores else "–"
        shares = [f"{scores['of_class'][each]:.1%}" for each in classes if "of_class" in scores]
        shares = [*shares, f"{scores['recognised']:.1%}"] if shares else ["–"] * (len(classes) + 1)
        rows.append((name, distance, *(shares if classes else ())))
    header = ("sounds", line["metric"], *((*classes, "recognised") if classes else ()))
    accuracy = ""
    if classes:
        accuracy = (
            f" The classifier is right on {line['classifier_accuracy']:.1%} of the test sounds"
        )
        sure = line["confident_accuracy"]
        accuracy += (
            "." if sure is None else f", and on {sure:.1%} of those of which it is confident."
        )
    return [
        f"### {source}",
        f"{line['draws']:,} samples; distances of {line['n_fake']:,} sounds to {line['n_real']:,} "
        f"of {line['dataset']} {line['split']}, {line['length'] / line['rate']:.2f} s each."
        + accuracy,
        table(header, rows),
        f"Distance to the nearest training sound, median: {line['nearest_of_samples']:.1f} of "
        f"samples, {line['nearest_of_test']:.1f} of test sounds. {line['nearer']:.1%} of the "
        f"samples lie nearer than the median test sound, {line['copies']:.1%} nearer than every "
        "test sound. Eight samples, each above its nearest training sound:",
        f"![sounds](results/{line['picture']})",
    ]
