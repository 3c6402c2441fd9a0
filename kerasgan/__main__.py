"""`python -m kerasgan` is the `kerasgan` command."""

from kerasgan.cli import main

main()
