"""A small log of every released version, and what is in it: see README.md."""
