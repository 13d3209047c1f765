"""The trace as a strip: what the program did, each leaf's gradient norm, and the playhead to drag."""
