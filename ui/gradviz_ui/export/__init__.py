"""Pictures of the graph in files: PNG, SVG and PDF of a step, GIF and WebP of many."""
