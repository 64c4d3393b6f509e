"""What a model may do besides answering: tools, who may use them, and the loop's limits."""
