"""Custom instructions: what a person wants every model to know of them, and how they want to be answered."""
