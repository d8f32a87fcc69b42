"""Records into words, words into tokens and labels, and every batch of a run."""
