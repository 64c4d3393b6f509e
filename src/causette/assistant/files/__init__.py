"""Files that people upload: kept once, read in the background, shown to models that can use them."""
