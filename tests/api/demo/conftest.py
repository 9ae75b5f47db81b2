from __future__ import annotations

from pathlib import Path

import pytest

from api.demo import make_samples

from .doubles import RecordingReporter


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The 24 sample photos; not to be changed."""
    return make_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def reporter() -> RecordingReporter:
    return RecordingReporter()


@pytest.fixture
def photo(samples: list[Path]) -> Path:
    """One good photo."""
    return samples[0]
