"""The program in an editor, what it printed, and what is wrong in what it did."""
