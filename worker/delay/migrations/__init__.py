"""Migrations of the delay server's table."""
