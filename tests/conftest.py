"""Settings for every test: no screen is needed, and settings and caches stay out of the user's home."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
