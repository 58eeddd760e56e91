"""Discovery: where candidate peers come from. A source hints; the mesh decides."""
