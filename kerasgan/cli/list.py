"""`kerasgan list`"""

from kerasgan.cli.common import app


@app.command(name="list")
def list_entries():
    """List the trained generators that come with kerasgan."""
    from kerasgan import zoo

    entries = zoo.table()
    names = max(len(entry["name"]) for entry in entries)
    width = max([len("made from"), *(len(entry["inputs"]) for entry in entries)])
    row = (
        f"{{:{names}}} {{:15}} {{:>12}}  {{:{width}}} {{:>7}} {{:>6}} {{:>7}} {{:>7}}  {{}}".format
    )
    print(row("name", "model", "makes", "made from", "classes", "MB", "FD", "floor", "licence"))
    for entry in entries:
        print(
            row(
                entry["name"],
                entry["model"],
                " x ".join(map(str, entry["image_shape"])),
                entry["inputs"],
                entry["classes"] or "",
                f"{entry['megabytes']:.1f}",
                f"{entry['distance']:.1f}",
                f"{entry['floor']:.1f}",
                entry["licence"],
            )
        )
    print(
        "FD: FD[lite0], of sounds FD[log-mel], of words FD[vectors]; lower is better, and the "
        "floor is that of real\ntraining examples. Distances of different data cannot be compared. "
        "Each entry's card says how it\nwas measured."
    )
