"""A chat over zmqlayer: rooms by URL, served by any worker through any interface server."""
