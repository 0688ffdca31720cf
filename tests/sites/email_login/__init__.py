"""A site whose people log in with an e-mail address and have UUIDs for keys."""
