"""Memory: what is kept of a person across their conversations, in their own words, and under their hand."""
