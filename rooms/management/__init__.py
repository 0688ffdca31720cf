"""What the rooms add to manage.py."""
