"""The Django project that all servers serve in the benchmarks."""
