"""Runs the scenarios, and writes the report: ``python -m bench`` with ``benchmarks`` on the path."""
