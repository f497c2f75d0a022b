"""Benchmarks that anyone can run: each compares with a limit or a peer measured in the same run."""
