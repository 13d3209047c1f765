"""Settings for every test: no screen is needed, and settings and caches stay out of the user's home."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

settings.register_profile("gradviz", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gradviz")  # how long it takes says nothing on a busy machine
