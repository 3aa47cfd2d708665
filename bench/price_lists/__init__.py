"""Benchmarks of price lists."""
