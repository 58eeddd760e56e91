"""``zmqlayer keygen``: make a secret for a mesh."""

from __future__ import annotations

import secrets
from typing import Final

import click

__all__ = ["keygen"]

BYTES: Final = 32

EXAMPLES: Final = """\b
Examples:
  export ZMQLAYER_SECRET=$(zmqlayer keygen)        for every process started from this shell
  zmqlayer keygen > mesh.secret                    to be copied to each machine, readable by nobody else

To change the secret of a mesh that runs, restart its processes one after the other, each time with another
ZMQLAYER_SECRETS in place of ZMQLAYER_SECRET (the first is used, all are accepted):

\b
  "OLD NEW", then "NEW OLD", then "NEW"

Where nodes find each other by mDNS, without seeds, the first of the three may be left out.
"""

USE: Final = (
    "Give it to every process of the mesh as ZMQLAYER_SECRET, or as 'secret' in the settings of the layer, and to "
    "nobody else. Django projects need none: they use SECRET_KEY."
)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=EXAMPLES)
def keygen() -> None:
    """
    Print a new secret: 64 random hex digits.

    All processes of a mesh share one secret. It encrypts what they say, and lets the mesh reach other machines;
    without one it stays on this machine. Whoever knows it can read and send everything. The sentence on how to use
    it goes to standard error, so that standard output holds the secret alone.
    """
    click.echo(secrets.token_hex(BYTES))
    click.echo(USE, err=True)
