"""Talk with an adapter in the very words of its training: `python -m train chat ADAPTER`.

The base model, its quantisation and the renderer come from the adapter's train.json; a renderer whose hash is another
than the one of training is an error, because answers would be worse and nothing would show it. Text streams as it is
made. The prompt's tokens come from `Renderer.prompt_ids`, which evaluation uses as well. Rejected: transformers' chat
command, which renders with whatever template the tokenizer holds today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import TrainError
from train.config import BaseRef, Quantisation, Template
from train.data.builds import Example
from train.data.pad import ensure_pad
from train.data.render import Renderer, make_renderer
from train.evaluation.generate import only_these
from train.load import Base, load_base, model_ref
from train.methods import load_adapter
from train.shipping.registry import read_train_json

HELP = "/reset forgets what was said, /quit ends"
_TEMPLATES: tuple[Template, ...] = ("chat", "alpaca", "prompt_completion")
_QUANTISATIONS: tuple[Quantisation, ...] = ("none", "nf4", "int8")


@dataclass(frozen=True, slots=True)
class Partner:
    """A tuned model to talk with, and the renderer of its training."""

    base: Base
    model: Any
    renderer: Renderer


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn: `temperature` 0 takes the likeliest token; the seed holds for each answer."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0


def open_adapter(adapter: Path, model: str = "", device: str | None = None) -> Partner:
    """Load an adapter on its base model with the renderer of its training.

    Args:
        adapter: folder that a run wrote.
        model: folder or hub id of the base model; by default as train.json names it.
        device: by default a GPU if there is one.

    Raises:
        TrainError: train.json is missing or damaged, the renderer is another, or the adapter belongs to another model.
        ModelError: the base model is not on this machine.
    """
    told = read_train_json(adapter)
    base = load_base(base_ref(told, adapter, model), quantisation_told(told, adapter), device=device)
    tokenizer = own_tokenizer(adapter) or base.tokenizer
    ensure_pad(tokenizer, base.model)
    renderer = check_renderer(tokenizer, told, adapter)
    return Partner(replace(base, tokenizer=tokenizer), load_adapter(base.model, adapter), renderer)


def base_ref(told: dict[str, Any], adapter: Path, model: str = "") -> BaseRef:
    """Return the reference of an adapter's base model.

    Raises:
        TrainError: train.json does not say, or names a folder that is not here.
        ModelError: `model` is nothing on this machine.
    """
    if model:
        return model_ref(model)
    base = told.get("base")
    name = str(base.get("name", "")) if isinstance(base, dict) else ""
    revision = str(base.get("revision") or "") if isinstance(base, dict) else ""
    if revision:
        return BaseRef(hub=name, revision=revision)
    if not name or not Path(name).expanduser().is_dir():
        raise TrainError(
            f"the base model {name or '(unnamed)'} of {adapter} is not a folder here",
            "name it with --model: the folder, or the hub id",
        )
    return BaseRef(folder=name)


def quantisation_told(told: dict[str, Any], adapter: Path) -> Quantisation:
    """Return the quantisation of the base model in training.

    Raises:
        TrainError: train.json names none that is known.
    """
    for kind in _QUANTISATIONS:
        if told.get("quantisation") == kind:
            return kind
    raise TrainError(
        f"{adapter}/train.json names the quantisation {told.get('quantisation')!r}",
        f"known are {', '.join(_QUANTISATIONS)}: the file was changed, or a later version wrote it",
    )


def own_tokenizer(adapter: Path) -> Any:
    """Return the tokenizer that stands beside an adapter, or None if none does."""
    if not (adapter / "tokenizer.json").is_file():
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(adapter), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(
            f"the tokenizer in {adapter} cannot be read: {error}", "copy the whole folder"
        ) from error


def check_renderer(tokenizer: Any, told: dict[str, Any], adapter: Path) -> Renderer:
    """Return the renderer that an adapter was trained with.

    Raises:
        TrainError: train.json names none, or what can be made here has another hash.
    """
    part = told.get("renderer")
    name = part.get("name") if isinstance(part, dict) else None
    for template in _TEMPLATES:
        if isinstance(part, dict) and name == template:
            renderer = make_renderer(tokenizer, template, str(part.get("system", "")))
            if renderer.hash != part.get("hash"):
                raise TrainError(
                    f"{adapter} was trained with other words around a record than this tokenizer and version make"
                    f" (renderer {str(part.get('hash'))[:12]}…, here {renderer.hash[:12]}…)",
                    "use the tokenizer files that stand beside the adapter, unchanged, and the version that trained it",
                )
            return renderer
    raise TrainError(
        f"{adapter}/train.json names the renderer {name!r}",
        f"known are {', '.join(_TEMPLATES)}: the file was changed, or a later version wrote it",
    )


def answer(
    partner: Partner,
    text: str,
    history: tuple[tuple[str, str], ...] = (),
    system: str = "",
    sampling: Sampling | None = None,
    on_text: Callable[[str], None] | None = None,
) -> str:
    """Return the tuned model's answer.

    Args:
        partner: from `open_adapter`.
        text: of the user.
        history: earlier (user, assistant) turns.
        system: system text; by default the renderer's.
        sampling: how tokens are drawn.
        on_text: gets the answer piece by piece as it is made.

    Raises:
        TrainError: the prompt leaves no room for an answer.
    """
    import torch
    from transformers import GenerationConfig

    sampling = sampling or Sampling()
    ids = _prompt(partner.renderer, text, history, system)
    room = room_for_answer(partner, len(ids))
    if room < 1:
        raise TrainError(
            f"the prompt has {len(ids)} tokens, and the model reads no more", "/reset, or ask shorter"
        )
    tokens = torch.tensor([ids], device=partner.base.device)
    tokenizer = partner.renderer.tokenizer
    drawn: dict[str, Any] = (
        {"do_sample": True, "temperature": sampling.temperature, "top_k": 0, "top_p": 1.0}
        if sampling.temperature > 0
        else {"do_sample": False}
    )
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=min(sampling.max_new_tokens, room), eos_token_id=partner.renderer.end_id,
        pad_token_id=tokenizer.pad_token_id, use_cache=True, **drawn,
    )  # fmt: skip
    with torch.random.fork_rng(), torch.no_grad(), only_these(partner.model, settings):
        torch.manual_seed(sampling.seed)
        made = partner.model.generate(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            generation_config=settings,
            streamer=None if on_text is None else _streamer(tokenizer, on_text),
        )
    said: str = tokenizer.decode(made[0, len(ids) :], skip_special_tokens=True)
    return said.strip()


def room_for_answer(partner: Partner, prompt: int) -> int:
    """Return how many tokens the model may add to a prompt of this many."""
    places = int(getattr(partner.base.model.config, "max_position_embeddings", 0) or 1 << 30)
    return places - prompt


def talk(
    partner: Partner,
    read: Callable[[], str | None],
    say: Callable[[str], None],
    write: Callable[[str], None],
    system: str = "",
    sampling: Sampling | None = None,
) -> int:
    """Talk until /quit or the end of the input, and return how many answers were given.

    Args:
        partner: from `open_adapter`.
        read: gives the next line of the user, or None at the end.
        say: gets whole lines that are not the model's.
        write: gets the model's text piece by piece, with a line end after each answer.
        system: system text.
        sampling: how tokens are drawn.
    """
    sampling = sampling or Sampling()
    history: tuple[tuple[str, str], ...] = ()
    given = 0
    say(HELP)
    while (line := read()) is not None:
        text = line.strip()
        if text == "/quit":
            break
        if text == "/reset":
            history = ()
            say("forgotten")
            continue
        if not text:
            continue
        kept = _that_fits(partner, text, history, system, sampling.max_new_tokens)
        if len(kept) < len(history):
            say(f"the first {len(history) - len(kept)} turns no longer fit and are left out")
        said = answer(partner, text, kept, system, sampling, write)
        write("\n")
        history = (*kept, (text, said))
        given += 1
    return given


def _that_fits(
    partner: Partner, text: str, history: tuple[tuple[str, str], ...], system: str, wanted: int
) -> tuple[tuple[str, str], ...]:
    """Return the latest turns that leave room for an answer."""
    while history:
        prompt = len(_prompt(partner.renderer, text, history, system))
        if room_for_answer(partner, prompt) >= wanted:
            break
        history = history[1:]
    return history


def _prompt(renderer: Renderer, text: str, history: tuple[tuple[str, str], ...], system: str) -> list[int]:
    return renderer.prompt_ids(
        Example("chat", "chat", system, history, instruction=text, input="", output="", lang="")
    )


def _streamer(tokenizer: Any, on_text: Callable[[str], None]) -> Any:
    from transformers import TextStreamer

    class Pieces(TextStreamer):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            if text:
                on_text(text)

    return Pieces(tokenizer, skip_prompt=True, skip_special_tokens=True)
