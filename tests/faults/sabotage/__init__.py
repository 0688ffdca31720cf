"""A Django app that breaks the product on purpose, so that the proof can be seen to fail."""
