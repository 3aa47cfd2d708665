"""The kinds of work, one package each; none imports another."""
