"""Settings all tests share."""

from __future__ import annotations

from hypothesis import settings

# A shared machine is slow now and then; how long an example takes says nothing about behaviour.
settings.register_profile("relay", deadline=None)
settings.load_profile("relay")
