"""Taking conversations along: one as a document, or everything as an archive. Nothing is held in memory whole."""
