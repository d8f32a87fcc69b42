"""Who loads which model: the one object that stages are given to reach models by.

It carries no loaded model across processes, only how many threads to use; each process loads a model once,
when it is first asked for. Rejected: pickling loaded models (90 MB a task) and a module-level registry that
recipes write to (what was loaded would depend on what ran before).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.models.apertium import Apertium, apertium_identity
from pipeline.models.bert_scorer import BertScorer, load_scorer
from pipeline.models.causal_lm import CausalScorer
from pipeline.models.classifier import Classifier, load_classifier
from pipeline.models.ct2 import CT2Translator
from pipeline.models.embedder import Embedder, load_embedder
from pipeline.models.identities import (
    causal_lm_identity,
    classifier_identity,
    embedder_identity,
    scorer_folder,
    scorer_identity,
    tagger_identity,
    tokenizer_identity,
)
from pipeline.models.kenlm_file import KenlmScorer, kenlm_identity
from pipeline.models.reference import (
    MINILM,
    MINILM_SHA256,
    ModelIdentity,
    ModelRef,
    download_command,
    locate,
)
from pipeline.models.remembering import RememberingEmbedder
from pipeline.models.seq2seq import Seq2SeqTranslator
from pipeline.models.tagger import Entity, Tagger, load_tagger
from pipeline.models.text_cache import TextCache
from pipeline.models.tokens import FileTokenCounter, TokenCounter
from pipeline.models.translator import Decoding, Translator
from pipeline.models.translator_identities import translator_identity
from pipeline.models.wordnet import WordNet, load_wordnet, wordnet_identity
from pipeline.store import digest

__all__ = [
    "MINILM",
    "MINILM_SHA256",
    "BertScorer",
    "CausalScorer",
    "Classifier",
    "Decoding",
    "Embedder",
    "Entity",
    "KenlmScorer",
    "ModelIdentity",
    "ModelRef",
    "Models",
    "Tagger",
    "TextCache",
    "TokenCounter",
    "Translator",
    "TranslatorKind",
    "WordNet",
    "download_command",
]

TranslatorKind: TypeAlias = Literal["apertium", "seq2seq", "ct2"]

_loading = threading.Lock()
_embedders: dict[tuple[ModelIdentity, int | None], Embedder] = {}
_taggers: dict[ModelIdentity, Tagger] = {}
_scorers: dict[tuple[ModelIdentity, int | None, int | None], BertScorer] = {}
_causal_lms: dict[tuple[ModelIdentity, int | None], CausalScorer] = {}
_kenlms: dict[ModelIdentity, KenlmScorer] = {}
_classifiers: dict[ModelIdentity, Classifier] = {}
_counters: dict[ModelIdentity, TokenCounter] = {}
_translators: dict[tuple[ModelIdentity, tuple[str, str], Decoding], Translator] = {}
_caches: dict[tuple[str, str, str], TextCache] = {}


@dataclass(frozen=True, slots=True)
class Models:
    """Loads models on first use and keeps each once a process.

    Attributes:
        threads: cores that one `encode` may use; None takes as many as torch may. A runner with several
            processes passes its share. It alters speed only, never a vector.
        memory: the folder where texts that cost much to make are remembered; "" remembers them for this process only.
    """

    threads: int | None = None
    memory: str = ""

    def remembered(self, kind: str, made_by: str) -> TextCache:
        """Return what one kind of work made of texts, such as the translations of one model.

        Args:
            kind: of the work, a word.
            made_by: all that its texts depend on besides what they are made from.
        """
        folder = Path(self.memory) / kind / digest(made_by) if self.memory else None
        with _loading:
            return _caches.setdefault((str(folder or ""), kind, made_by), TextCache(folder))

    def identity(self, ref: ModelRef) -> ModelIdentity:
        """Return who an embedder is, without loading it (no torch; a file is hashed once a process).

        Raises:
            ModelError: as `check`.
        """
        return embedder_identity(ref)

    def check(self, ref: ModelRef) -> None:
        """See that an embedder is on this machine, whole and the one meant, before any work starts.

        Raises:
            ModelError: it is not; the hint is the command that fixes it.
        """
        embedder_identity(ref)

    def token_counter_identity(self, ref: ModelRef | None) -> ModelIdentity:
        """Return who a token counter is; None means MiniLM's tokenizer.

        Raises:
            ModelError: the model is missing or has no `tokenizer.json`.
        """
        return tokenizer_identity(ref or ModelRef())

    def embedder(self, ref: ModelRef) -> Embedder:
        """Return the embedder, loaded on first use.

        Raises:
            ModelError: it is missing, damaged or of the wrong kind.
        """
        identity = embedder_identity(ref)
        with _loading:
            if (identity, self.threads) not in _embedders:
                loaded = RememberingEmbedder(load_embedder(identity, locate(ref), self.threads))
                _embedders[identity, self.threads] = loaded
            return _embedders[identity, self.threads]

    def tagger_identity(self, ref: ModelRef) -> ModelIdentity:
        """Return who a model that finds entities is, without loading it.

        Raises:
            ModelError: it is missing, or of another kind.
        """
        return tagger_identity(ref)

    def tagger(self, ref: ModelRef) -> Tagger:
        """Return the model that finds entities, loaded on first use.

        Raises:
            ModelError: it is missing, damaged or of the wrong kind.
        """
        identity = tagger_identity(ref)
        with _loading:
            if identity not in _taggers:
                _taggers[identity] = load_tagger(identity, locate(ref))
            return _taggers[identity]

    def scorer_identity(self, ref: ModelRef) -> ModelIdentity:
        """Return who a model for BERTScore is, without loading it.

        Raises:
            ModelError: it is missing, or is no encoder.
        """
        return scorer_identity(ref)

    def scorer(self, ref: ModelRef, layer: int | None = None) -> BertScorer:
        """Return the BERTScore of a model and a layer (None: the last but one), loaded on first use.

        Raises:
            ModelError: it is missing, damaged or no encoder, or has no such layer.
        """
        identity = scorer_identity(ref)
        with _loading:
            key = (identity, layer, self.threads)
            if key not in _scorers:
                _scorers[key] = load_scorer(identity, scorer_folder(ref), layer, self.threads)
            return _scorers[key]

    def classifier_identity(self, ref: ModelRef) -> ModelIdentity:
        """Return who a model that sorts texts is, without loading it.

        Raises:
            ModelError: it is missing, or of another kind.
        """
        return classifier_identity(ref)

    def classifier(self, ref: ModelRef) -> Classifier:
        """Return the model that sorts texts, loaded on first use.

        Raises:
            ModelError: it is missing, damaged or of the wrong kind.
        """
        identity = classifier_identity(ref)
        with _loading:
            if identity not in _classifiers:
                _classifiers[identity] = load_classifier(identity, locate(ref))
            return _classifiers[identity]

    def token_counter(self, ref: ModelRef | None = None) -> TokenCounter:
        """Return the token counter; None means MiniLM's tokenizer.

        Raises:
            ModelError: the model is missing or has no `tokenizer.json`.
        """
        identity = self.token_counter_identity(ref)
        with _loading:
            if identity not in _counters:
                _counters[identity] = FileTokenCounter(identity, locate(ref or ModelRef()))
            return _counters[identity]

    def causal_lm_identity(self, ref: ModelRef) -> ModelIdentity:
        """Return who a causal language model is, without loading it.

        Raises:
            ModelError: it is missing, or of another kind.
        """
        return causal_lm_identity(ref)

    def causal_lm(self, ref: ModelRef) -> CausalScorer:
        """Return the causal language model, loaded on first use.

        Raises:
            ModelError: it is missing, damaged or of the wrong kind.
        """
        identity = causal_lm_identity(ref)
        with _loading:
            if (identity, self.threads) not in _causal_lms:
                _causal_lms[identity, self.threads] = CausalScorer(identity, locate(ref), self.threads)
            return _causal_lms[identity, self.threads]

    def translator_identity(self, by: TranslatorKind, ref: ModelRef | None, mode: str = "") -> ModelIdentity:
        """Return who one direction of a translator is, without loading it.

        Args:
            by: who does the work.
            ref: the model, for all but Apertium.
            mode: the mode file, for Apertium.

        Raises:
            ModelError: it is missing, is of another kind, or what runs it is not installed.
        """
        if by == "apertium":
            return apertium_identity(Path(mode))
        return translator_identity(ref or ModelRef(), by)

    def apertium(self, mode: str, seconds: float) -> Translator:
        """Return one direction of a language pair, its commands started on first use and kept running.

        Raises:
            ModelError: it is not installed.
        """
        key = (apertium_identity(Path(mode)), (mode, str(seconds)), Decoding())
        with _loading:
            if key not in _translators:
                _translators[key] = Apertium(Path(mode), seconds)
            return _translators[key]

    def translator(
        self, by: Literal["seq2seq", "ct2"], ref: ModelRef, codes: tuple[str, str], decoding: Decoding
    ) -> Translator:
        """Return one direction of a translation model, loaded on first use.

        Args:
            by: the library that runs it.
            ref: the model.
            codes: of source and target, as the model names languages; blank where it has one direction.
            decoding: how words are chosen.

        Raises:
            ModelError: it is missing, damaged, of the wrong kind, or does not know a language.
        """
        identity = translator_identity(ref, by)
        key = (identity, codes, decoding)
        with _loading:
            if key not in _translators:
                _translators[key] = (
                    Seq2SeqTranslator(identity, locate(ref), codes, decoding)
                    if by == "seq2seq"
                    else CT2Translator(identity, locate(ref), codes, decoding, self.threads)
                )
            return _translators[key]

    def kenlm_identity(self, path: str) -> ModelIdentity:
        """Return who a KenLM file is.

        Raises:
            ModelError: there is no such file.
        """
        return kenlm_identity(path)

    def kenlm(self, path: str) -> KenlmScorer:
        """Return the KenLM model, loaded on first use.

        Raises:
            ModelError: the file is missing or no model, or kenlm is not installed.
        """
        identity = kenlm_identity(path)
        with _loading:
            if identity not in _kenlms:
                _kenlms[identity] = KenlmScorer(path)
            return _kenlms[identity]

    def wordnet_identity(self, path: str) -> ModelIdentity:
        """Return who the WordNet of a folder is; without a revision where `auto` found none.

        Raises:
            ModelError: the folder does not hold it.
        """
        return wordnet_identity(path)

    def wordnet(self, path: str) -> WordNet:
        """Return WordNet, read on first use.

        Raises:
            ModelError: it is missing or damaged.
        """
        with _loading:
            return load_wordnet(wordnet_identity(path))
