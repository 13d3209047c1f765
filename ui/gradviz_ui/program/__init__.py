"""The text of a program: a script or a notebook, how it is laid out, and how it gets back into its file."""
