"""Scheduled runs: the only room that knows Prefect."""
