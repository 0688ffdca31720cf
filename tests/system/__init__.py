"""The whole chat as processes of its own, spoken to over the public protocol alone."""
