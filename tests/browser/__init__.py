"""The client in a real Chromium: its modules by themselves, and the pages with the real service."""
