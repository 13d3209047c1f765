"""Running programs and recording them; ``gradviz.record`` is the way in for programs."""
