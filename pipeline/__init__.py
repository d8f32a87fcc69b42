"""Builds an instruction dataset out of raw text, every record accounted for."""

__version__ = "0.1.0"
