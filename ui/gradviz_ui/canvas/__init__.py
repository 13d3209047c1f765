"""The graph on the screen: one view, one item that paints it, and the controls that float over it."""
