"""A routing that fails while it is imported, as one with a mistake in it does."""

raise RuntimeError("half of a merge")
