"""What templates of the rooms can ask for."""
