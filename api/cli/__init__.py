"""The ``tracker`` command."""


def main() -> None:
    """Run it."""
