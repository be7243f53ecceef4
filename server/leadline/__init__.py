"""Leadline: resting depth and estimated liquidations ahead of price, on a phone."""

__version__ = "0.1.0"
