"""Rooms and their logs: models, the only writes and reads of messages, permissions, admin, pages."""
