"""Sites unlike this one that the rooms serve as well. Each has its own settings, and its own process."""
