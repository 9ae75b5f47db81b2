"""What may break, broken on purpose: each test that claims zero has a control, with the protection off, that fails."""
