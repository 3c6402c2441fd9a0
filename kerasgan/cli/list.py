"""`kerasgan list`"""

from kerasgan.cli.common import app


@app.command(name="list")
def list_entries():
    """List the trained generators that come with kerasgan."""
    from kerasgan import zoo

    entries = zoo.table()
    width = max([len("made from"), *(len(entry["inputs"]) for entry in entries)])
    row = f"{{:26}} {{:8}} {{:>12}}  {{:{width}}} {{:>7}} {{:>6}} {{:>8}}  {{}}".format
    print(row("name", "model", "images", "made from", "classes", "MB", "FD", "licence"))
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
                entry["licence"],
            )
        )
    print("FD: FD[lite0], lower is better; how it was measured stands on each entry's card.")
