"""Moving through a recorded trace, forwards and backwards, without running anything again."""

from gradviz.replay.breakpoints import Breakpoints
from gradviz.replay.calls import NodeState
from gradviz.replay.moves import Move
from gradviz.replay.playhead import Change, LeafState, Playhead

__all__ = ["Breakpoints", "Change", "LeafState", "Move", "NodeState", "Playhead"]
