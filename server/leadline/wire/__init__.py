"""Frames between server and phone: the codec, what waits for a slow phone, and how a connection ends."""
