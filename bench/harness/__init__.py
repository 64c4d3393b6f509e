"""What the benchmarks share: prompts, load, the systems compared, the machine, and the report."""
