"""What comes after a run: merge, fewer bits, serving, chat, card and registry."""
