"""``python -m tracker`` is the ``tracker`` command."""

from api.cli import main

main()
