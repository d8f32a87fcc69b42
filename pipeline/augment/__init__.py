"""The methods of augmentation, by name. Adding one = its file, a line here, and its params in the union."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field

from pipeline.augment.back_translation import BackTranslation
from pipeline.augment.back_translation_params import BackTranslationParams
from pipeline.augment.deletion import Deletion, DeletionParams
from pipeline.augment.embedding_neighbours import EmbeddingNeighboursMethod, EmbeddingNeighboursParams
from pipeline.augment.insertion import Insertion, InsertionParams
from pipeline.augment.masked_lm import MaskedLMMethod, MaskedLMParams
from pipeline.augment.noise import Noise, NoiseParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, Method, MethodParams, NoChild
from pipeline.augment.rewrite import RewriteMethod, RewriteParams
from pipeline.augment.self_instruct import SelfInstructMethod, SelfInstructParams
from pipeline.augment.swap import Swap, SwapParams
from pipeline.augment.synonyms import Synonyms, SynonymsParams
from pipeline.augment.syntax import Syntax, SyntaxParams
from pipeline.augment.templates import Templates, TemplatesParams

METHODS: dict[str, Method[Any]] = {
    "back_translation": BackTranslation(),
    "synonyms": Synonyms(),
    "masked_lm": MaskedLMMethod(),
    "embedding_neighbours": EmbeddingNeighboursMethod(),
    "insertion": Insertion(),
    "swap": Swap(),
    "deletion": Deletion(),
    "syntax": Syntax(),
    "templates": Templates(),
    "noise": Noise(),
    "rewrite": RewriteMethod(),
    "self_instruct": SelfInstructMethod(),
}

AnyMethodParams: TypeAlias = Annotated[
    BackTranslationParams
    | SynonymsParams
    | MaskedLMParams
    | EmbeddingNeighboursParams
    | InsertionParams
    | SwapParams
    | DeletionParams
    | SyntaxParams
    | TemplatesParams
    | NoiseParams
    | RewriteParams
    | SelfInstructParams,
    Field(discriminator="method"),
]

__all__ = [
    "METHODS",
    "Answer",
    "AnyMethodParams",
    "Ask",
    "Child",
    "Guard",
    "Method",
    "MethodParams",
    "NoChild",
]
