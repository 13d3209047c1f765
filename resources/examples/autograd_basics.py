"""Autograd basics

Training a network means asking, for every parameter, how the loss would change if that parameter changed a
little. PyTorch answers with *backpropagation*: while your code runs forwards it writes down every operation
in a graph, and `backward()` walks that graph from the loss back to the parameters.

Record this program (Ctrl+R), then step through it with the arrow keys and watch the walk happen.
"""

# One layer and its loss
#
# `w` and `b` are what we would train, so they ask for gradients with `requires_grad=True`; `x` and `y` are
# data and do not. Every operation on `w` and `b` adds a node to the graph.

import torch

torch.manual_seed(0)

x = torch.ones(5)  # input
y = torch.zeros(3)  # expected output
w = torch.randn(5, 3, requires_grad=True)
b = torch.randn(3, requires_grad=True)
z = torch.matmul(x, w) + b
loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)

# The graph
#
# Each result remembers the node that can differentiate it in `grad_fn`. Follow the nodes from `loss`
# downwards and you arrive at the two *leaves*, `w` and `b`: the places where gradients are collected.

print(z.grad_fn)
print(loss.grad_fn)

# The backward pass
#
# `loss.backward()` starts with the gradient 1 at the loss. A node runs when every gradient it waits for has
# arrived, and the node created last goes first. The leaf `b` is reached before `w`, because the way to `w`
# is longer.

loss.backward()
print(w.grad)
print(b.grad)

# For this loss the gradient of `z` is `(sigmoid(z) - y) / 3`. It reaches `b` unchanged, and since every
# entry of `x` is 1, each row of `w.grad` is the same.

print((torch.sigmoid(z.detach()) - y) / 3)

# Without a graph
#
# Where gradients are not needed, the graph is a waste. `z` has one; under `torch.no_grad()` none is
# made, ...

print(z.requires_grad)

with torch.no_grad():
    z_alone = torch.matmul(x, w) + b
print(z_alone.requires_grad)

# ... and `detach()` gives the same numbers cut off from their history.

z_det = z.detach()
print(z_det.requires_grad)

# Gradients add up
#
# `out` is not a single number, so `backward` needs to be told a gradient to start with: here ones. With
# `retain_graph=True` the graph can be walked again.
#
# Watch `inp.grad`. The second call does not replace the gradient of the first: it is *added*. This is why a
# training loop zeroes its gradients before every step. After `zero_()` the third call gives what the first
# gave.

inp = torch.eye(4, 5, requires_grad=True)
out = (inp + 1).pow(2).t()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"First call\n{inp.grad}")
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nSecond call\n{inp.grad}")
inp.grad.zero_()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nCall after zeroing gradients\n{inp.grad}")
