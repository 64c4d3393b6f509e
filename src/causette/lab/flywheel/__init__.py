"""The flywheel: consented feedback becomes data that a person has looked through, a run, a gated release, a canary."""
