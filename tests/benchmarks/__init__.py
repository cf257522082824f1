"""Benchmarks: `python -m tests.benchmarks NAME [options] --json FILE`."""
