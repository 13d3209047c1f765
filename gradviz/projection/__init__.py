"""What is painted, computed without Qt: graph, layout and playhead in, arrays and words out.

The window, exported pictures and tests share it. A `Scene` is where everything stands; a `Frame` is what
it looks like at a step.
"""
