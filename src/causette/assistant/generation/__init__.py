"""How a reply comes into being: one writer, any number of readers, and a log between them."""
