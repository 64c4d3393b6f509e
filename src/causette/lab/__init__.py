"""The lab: data, tokenizers, training, evaluation and export of models. It takes ``pip install causette[lab]``."""
