"""Synonyms: words of a request replaced by words that say the same, in the same form and in the same place.

This project's own lexicon comes first (`data/synonyms_*.txt`), WordNet, where it is installed, for the English words
that it lacks. Only what asks is changed, never the material that is asked about, since the answer repeats its words;
and a prompt about words themselves has no synonym at all. Rejected: every word that has a synset (most common words
have the wrong one first), and replacing as many words as possible (two good changes in a row make a bad sentence).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pipeline.augment.asking import WORDING, asking, is_about_words
from pipeline.augment.chinese_places import chinese_places
from pipeline.augment.english_places import Place, english_places
from pipeline.augment.english_words import replaced
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, MethodParams, NoChild, Passage, by_passage
from pipeline.augment.wordnet_places import WordNetPlaces
from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.models.wordnet import AUTO, wordnet_identity


class SynonymsParams(MethodParams):
    """Words replaced by words that say the same."""

    method: Literal["synonyms"] = "synonyms"
    rate: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of the replaceable words that are replaced, at least one: above a half, prompts grow stiff.",
    )
    wordnet: str = Field(
        default=AUTO,
        min_length=1,
        description="`auto` reads WordNet where Debian's wordnet-base puts it, if it is there; `off` leaves it alone; "
        "anything else is the folder of its files, which must be there. Which it was is in the plan and the manifest.",
    )
    sense: bool = Field(
        default=True,
        description="Ask the embedder whether WordNet's sense fits the sentence; without, only words of one sense.",
    )
    embedder: ModelRef = Field(
        default=ModelRef(), description="The embedder that `sense` asks; by default the packaged MiniLM."
    )


class Synonyms:
    """Method 2."""

    name = "synonyms"
    version = 1
    languages: frozenset[str] | None = frozenset({"en", "zh"})

    def keeps(self, params: SynonymsParams) -> bool:
        """Tell that a child must say what its parent says."""
        return True

    def remarks(self, params: SynonymsParams) -> list[str]:
        """Return which words the synonyms come from."""
        own = "synonyms from this project's lexicon (English, Chinese)"
        if params.wordnet == "off":
            return [own]
        found = wordnet_identity(params.wordnet)
        if not found.revision:
            return [f"{own}; WordNet is not installed: apt-get install wordnet-base"]
        how = "the sense by the embedder" if params.sense else "words of one sense only"
        return [f"{own}, then from WordNet {found.revision} in {found.name} (English; {how})"]

    def needs(self, params: SynonymsParams) -> tuple[Need, ...]:
        """Return WordNet, as found or as absent, and the embedder where it is asked."""
        if params.wordnet == "off":
            return ()
        wordnet = Need("wordnet", path=params.wordnet)
        if not params.sense or not wordnet_identity(params.wordnet).revision:
            return (wordnet,)
        return (wordnet, Need("embedder", params.embedder))

    def children(
        self, asks: Sequence[Ask], params: SynonymsParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order; a word's place and its synonym depend on the ask alone.

        Raises:
            ModelError: WordNet or the embedder is missing or damaged.
        """
        thesaurus = None
        if params.wordnet != "off" and wordnet_identity(params.wordnet).revision:
            embedder = models.embedder(params.embedder) if params.sense else None
            thesaurus = WordNetPlaces(models.wordnet(params.wordnet), embedder)

        def rewrite(passages: Sequence[Passage]) -> list[str | NoChild]:
            found = [_places(passage) for passage in passages]
            if thesaurus is not None:
                english = [passage if passage.lang == "en" else None for passage in passages]
                found = thesaurus.added(english, found)
            return [_rewritten(*pair, params.rate) for pair in zip(passages, found, strict=True)]

        return by_passage(asks, params, guard, rewrite)


def _places(passage: Passage) -> list[Place] | None:
    """Return what of a passage may be replaced, by this project's lexicon; None where it is about words."""
    if is_about_words(passage.text):
        return None
    spans = asking(passage.text)
    if passage.lang == "zh":
        return chinese_places(passage.text, spans, passage.protected)
    return english_places(passage.text, spans, passage.protected)


def _rewritten(passage: Passage, places: list[Place] | None, rate: float) -> str | NoChild:
    if places is None:
        return NoChild(WORDING)
    if not places:
        return passage.text
    random = passage.random("synonyms")
    wanted = max(1, round(rate * len(places)))
    taken = random.sample(places, wanted) if wanted < len(places) else places
    return replaced(
        passage.text, [(place.start, place.stop, random.choice(place.options)) for place in taken]
    )
