"""Search over what a person has written and got: an index of words, kept beside the conversations."""
