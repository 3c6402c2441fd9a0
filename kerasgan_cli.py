"""The entry point of the `kerasgan` command.

It lies outside the package because `import kerasgan` starts TensorFlow, which takes seconds:
`kerasgan` leaves that out when it finds this module loaded, and a mistake is told at once.
"""


def main():
    """Runs the command line and exits."""
    from kerasgan.cli import main as run

    run()


if __name__ == "__main__":
    import sys

    # `python -m kerasgan_cli` loads this module by another name than the command does.
    sys.modules["kerasgan_cli"] = sys.modules["__main__"]
    main()
