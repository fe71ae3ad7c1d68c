"""The benchmarks of the platform: what they compare, and when they refuse to give figures."""
