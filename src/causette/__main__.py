"""``python -m causette`` is the ``causette`` command."""

from causette.cli import main

main()
