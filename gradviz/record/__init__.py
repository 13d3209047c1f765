"""Running programs and recording them; the package itself can be called: ``gradviz.record(path)``.

The design gives the function and the package one name. A module cannot be called unless its class says so,
hence the class below.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz.record.recorder import Recorder


class _Callable(ModuleType):
    def __call__(self, path: str | Path, **options: Any) -> AbstractContextManager[Recorder]:
        """Record what happens inside the ``with`` block; see ``gradviz.record.session.open_session``."""
        from gradviz.record.session import open_session

        return open_session(path, **options)


sys.modules[__name__].__class__ = _Callable
