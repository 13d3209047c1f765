"""Modules, functions and utilities of neural networks."""
