"""Writes the pages of reference from what they are about: `make docs`. Not part of the program."""
