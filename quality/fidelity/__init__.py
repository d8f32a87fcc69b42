"""Did an edit keep the meaning? A score for a sentence beside the one it was made from, English or Chinese.

Cosine, BERTScore and BLEU call "in 10 days" and "in 25 days" the same and a good paraphrase another text. Here both
sentences are read: their values, negations, names, quantities, modality and order are held against one another, and
what differs is named. Rejected: one similarity, and an entailment model, which is not at hand without a network.
"""

from quality.fidelity.evidence import KINDS, Evidence
from quality.fidelity.judge import LANGUAGES, Encode, Fidelity, measure

__all__ = ["KINDS", "LANGUAGES", "Encode", "Evidence", "Fidelity", "measure"]
