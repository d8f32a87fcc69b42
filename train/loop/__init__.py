"""The loop on transformers' `Trainer`, and what keeps its promises."""
