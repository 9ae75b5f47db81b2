"""What every store of the log must do. A store passes by a subclass of ``StoreContract`` with a ``log`` fixture."""

import pytest

TOPICS = ("append_rules", "counting", "idempotency", "immutability", "pruning", "querying", "reading", "rebuilding")
for topic in TOPICS:
    pytest.register_assert_rewrite(f"tests.contract.{topic}")
