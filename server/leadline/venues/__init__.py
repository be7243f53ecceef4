"""Venue bytes in, market events out: one module a venue, pure; the I/O shells stand beside them."""
