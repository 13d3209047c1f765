"""What the selected node, leaf or edge holds at this step, and the table of all gradients."""
