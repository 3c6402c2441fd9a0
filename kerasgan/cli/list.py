"""`kerasgan list`"""

from kerasgan.cli.common import app


@app.command(name="list")
def list_entries():
    """List the trained generators that come with kerasgan."""
    from kerasgan import zoo

    row = "{:26} {:8} {:>12} {:>7} {:>6} {:>8}  {}".format
    print(row("name", "model", "images", "classes", "MB", "FD", "licence"))
    for entry in zoo.table():
        print(
            row(
                entry["name"],
                entry["model"],
                " x ".join(map(str, entry["image_shape"])),
                entry["classes"] or "",
                f"{entry['megabytes']:.1f}",
                f"{entry['distance']:.1f}",
                entry["licence"],
            )
        )
    print("FD: FD[lite0], lower is better; how it was measured stands on each entry's card.")
