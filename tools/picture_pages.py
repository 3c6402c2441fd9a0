"""The section of RESULTS.md on pictures made of pictures."""

from pathlib import Path

from tables import RESULTS, table

from kerasgan import zoo
from kerasgan.evaluation import records
from kerasgan.export import card


def pictures_section():
    lines = records.read(RESULTS / "pictures.jsonl")
    if not lines:
        return []
    parts = [
        "## Pictures from pictures",
        "`kerasgan benchmark pictures`: of each test example, what the model makes, beside ways "
        "that need no GAN. L1 on a scale of 0 to 1, PSNR in dB. Distances of so few images are "
        "inflated: those of one table can be compared. `srresnet` is `srgan_noto_emoji` with its "
        "first stage alone (`model.mse_images = 96000`), `next_l2` the recipe of "
        "`next_frame_moving_fashion_mnist` with `model.adversarial_weight = 0` and "
        "`model.gdl_weight = 0`. In the pictures: given, made, true; in films, what "
        "is true above, and what the model continues below.",
    ]
    newest = {Path(line["source"]).name: line for line in lines}
    for source, line in newest.items():
        parts += [
            f"### {source}",
            f"{line['n_real']:,} examples of {line['dataset']} {line['split']}, given: "
            f"{line['given']}. {line['parameters']:,} parameters.",
            card.ways_table(line),
            *([frames_table(line)] if "ahead" in line else []),
            f"![{source}]({picture(source)})",
            *(f"![films of {source}]({film})" for film in films(source)),
        ]
    return parts


def picture(source):
    """Returns the path of the picture of examples: an entry has it already."""
    if (zoo.folder() / source / "examples.png").is_file():
        return f"../zoo/{source}/examples.png"
    return f"results/pictures_{source}.png"


def films(source):
    """Returns the path of the film that a model of films continues, in a list, or an empty one."""
    if (zoo.folder() / source / "film.webp").is_file():
        return [f"../zoo/{source}/film.webp"]
    film = f"pictures_{source}.webp"
    return [f"results/{film}"] if (RESULTS / film).is_file() else []


def frames_table(line):
    """Returns the scores of films that go on, by frame."""
    header = ("frame", "way", "PSNR", "sharpness", "SSIM", line["metric"])
    rows = [
        (
            place,
            way,
            f"{scores['psnr']:.2f}",
            f"{scores['sharpness']:.2f}",
            f"{scores['ssim']:.3f}",
            f"{scores['distance']:.1f}",
        )
        for place, ways in enumerate(line["ahead"], start=1)
        for way, scores in ways.items()
    ]
    return table(header, rows, left=2)
