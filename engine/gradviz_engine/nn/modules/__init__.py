"""``torch.nn.modules``, a file a family as in PyTorch."""
