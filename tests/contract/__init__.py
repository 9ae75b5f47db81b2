"""What every store of the log must do. A store passes by a subclass of ``StoreContract`` with a ``log`` fixture."""

import pytest

for topic in ("append_rules", "idempotency", "immutability", "pruning", "reading", "rebuilding"):
    pytest.register_assert_rewrite(f"tests.contract.{topic}")
