"""Base beside tuned: losses, answers, scores with intervals, and the page that shows them."""
