"""Tests of the example, run with ``manage.py test``."""
