"""A site whose people have texts for keys: digits often, colons too."""
