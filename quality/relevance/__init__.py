"""Does a response answer its prompt at all: evidence of words, forms and meaning, weighed by the corpus itself."""

from quality.relevance.draw import Exchange, Vectors, exchange, fold_of, order_of, summarise
from quality.relevance.fitted import GROUPS, LEAST_RECORDS, Fitted, fit, load
from quality.relevance.score import EVIDENCE, Relevance, relevance

__all__ = [
    "EVIDENCE",
    "GROUPS",
    "LEAST_RECORDS",
    "Exchange",
    "Fitted",
    "Relevance",
    "Vectors",
    "exchange",
    "fit",
    "fold_of",
    "load",
    "order_of",
    "relevance",
    "summarise",
]
