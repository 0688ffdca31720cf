"""The ways in: each turns what its clients say into the same few calls. Siblings never import each other."""
