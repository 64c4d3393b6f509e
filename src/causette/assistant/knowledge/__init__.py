"""Knowledge: what documents say, found by passages for the question at hand, with the place that each stands at."""
