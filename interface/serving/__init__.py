"""The operator's side: the command, where a server listens, and how its life goes."""
