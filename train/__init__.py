"""Adapters out of a build. Reads builds through their documented files only."""
