"""Tests of packing and planning: no example sees another, and every run sees the same batches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import TrainError
from train.data.builds import Example
from train.data.encodings import Encoded
from train.data.packing import Batch, collate, mix_replay, pack, plan_batches
from train.data.render import IGNORED

PAD = 0


def encoded(lengths: list[int], first: int = 5) -> list[Encoded]:
    """Return examples of these lengths, their tokens drawn by their place, the last two thirds learnt."""
    made = []
    for place, length in enumerate(lengths):
        ids = tuple(first + (place * 31 + at * 7) % 300 for at in range(length))
        labels = tuple(IGNORED if at < length // 3 else ids[at] for at in range(length))
        made.append(Encoded(f"r{place}", ids, labels))
    return made


def places(plan: Any, epoch: int) -> list[int]:
    begin = plan.epoch_ends[epoch - 1] + 1 if epoch else 0
    return [
        place
        for batch in plan.batches[begin : plan.epoch_ends[epoch] + 1]
        for row in batch.rows
        for place in row
    ]


LENGTHS = st.lists(st.integers(1, 64), max_size=80)


@given(LENGTHS)
def test_packs_hold_everything_once_and_nothing_too_much(lengths: list[int]) -> None:
    packs = pack(lengths, 64)
    assert sorted(place for one in packs for place in one) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in one) <= 64 for one in packs)


@given(LENGTHS)
def test_packs_are_as_full_as_those_of_best_fit_decreasing_done_slowly(lengths: list[int]) -> None:
    slow: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        rooms = [(64 - sum(lengths[other] for other in one), number) for number, one in enumerate(slow)]
        fitting = [each for each in rooms if each[0] >= lengths[place]]
        if fitting:
            slow[min(fitting)[1]].append(place)
        else:
            slow.append([place])
    # Of two packs with equal room either may be taken, which alters what lies together and not how full packs are.
    filled = [sum(lengths[place] for place in one) for one in pack(lengths, 64)]
    assert sorted(filled) == sorted(sum(lengths[place] for place in one) for one in slow)


def test_an_example_longer_than_a_pack_is_an_error_that_names_the_knob() -> None:
    with pytest.raises(TrainError, match="70 tokens, and a pack holds 64") as caught:
        pack([3, 70], 64)
    assert "pack_length" in caught.value.hint


@pytest.mark.parametrize("packing", [True, False])
@given(
    lengths=st.lists(st.integers(1, 64), min_size=1, max_size=60),
    batch_size=st.integers(1, 5),
    seed=st.integers(0, 3),
)
@settings(max_examples=40)
def test_every_epoch_sees_every_example_once(
    packing: bool, lengths: list[int], batch_size: int, seed: int
) -> None:
    some = encoded(lengths)
    plan = plan_batches(some, [1.0] * len(some), 2, batch_size, packing, 64, seed)
    for epoch in (0, 1):
        assert sorted(places(plan, epoch)) == list(range(len(some)))
    assert len(plan.epoch_ends) == 2 and plan.epoch_ends[-1] == len(plan) - 1
    assert all(1 <= len(batch.rows) <= batch_size for batch in plan)


@pytest.mark.parametrize("packing", [True, False])
def test_a_plan_depends_on_seed_and_ids_and_not_on_the_order_of_records(packing: bool) -> None:
    some = encoded([(place * 13) % 60 + 1 for place in range(100)])
    weights = [(place % 5) / 2 for place in range(100)]

    def ids(order: list[int], seed: int) -> list[list[list[str]]]:
        shuffled = [some[place] for place in order]
        plan = plan_batches(shuffled, [weights[place] for place in order], 2, 4, packing, 64, seed)
        return [[[shuffled[place].id for place in row] for row in batch.rows] for batch in plan]

    first = ids(list(range(100)), 1)
    assert {id_ for batch in first for row in batch for id_ in row} >= {"r1", "r4", "r98"}
    if packing:  # packs list their members in the order of the shuffle, so they are equal as they stand
        assert ids(list(range(99, -1, -1)), 1) == first
    assert ids(list(range(100)), 1) == first
    assert ids(list(range(100)), 2) != first


def test_epochs_differ_in_their_order() -> None:
    plan = plan_batches(encoded([4] * 50), [1.0] * 50, 2, 5, False, 64, 0)
    assert places(plan, 0) != places(plan, 1)


def test_a_part_of_an_epoch_takes_that_part_of_its_batches() -> None:
    plan = plan_batches(encoded([4] * 40), [1.0] * 40, 1.5, 4, False, 64, 0)
    assert (len(plan), plan.epoch_ends) == (15, (9, 14))
    assert len(set(places(plan, 1))) == 20


def test_a_plan_ends_at_the_most_batches_and_is_the_beginning_of_the_longer_one() -> None:
    some = encoded([4] * 40)
    whole = plan_batches(some, [1.0] * 40, 3, 4, False, 64, 0)
    short = plan_batches(some, [1.0] * 40, 3, 4, False, 64, 0, max_batches=13)
    assert short.batches == whole.batches[:13]
    assert short.epoch_ends == (9, 12)
    assert plan_batches(some, [1.0] * 40, 3, 4, False, 64, 0, max_batches=10).epoch_ends == (9,)


@given(st.lists(st.floats(0, 4), min_size=1, max_size=20), st.integers(0, 5))
def test_weights_are_the_times_an_epoch_sees_an_example(weights: list[float], seed: int) -> None:
    weights = [*weights, 1.0]
    some = encoded([4] * len(weights))
    plan = plan_batches(some, weights, 8, 4, True, 64, seed)
    seen = Counter(place for batch in plan for row in batch.rows for place in row)
    for place, weight in enumerate(weights):
        assert abs(seen[place] - 8 * weight) < 1
        for epoch in range(8):
            assert int(weight) <= Counter(places(plan, epoch))[place] <= int(weight) + 1


def test_half_weights_are_spread_over_epochs_and_records() -> None:
    some = encoded([4] * 200)
    plan = plan_batches(some, [0.5] * 200, 2, 4, False, 64, 0)
    counts = [len(places(plan, epoch)) for epoch in (0, 1)]
    assert sum(counts) == 200 and all(80 <= count <= 120 for count in counts)


@pytest.mark.parametrize(("lengths", "weights"), [([], []), ([4, 4], [0.0, 0.0])])
def test_nothing_to_train_on_is_an_error(lengths: list[int], weights: list[float]) -> None:
    with pytest.raises(TrainError, match="nothing to train on"):
        plan_batches(encoded(lengths), weights, 1, 4, True, 64, 0)


def test_batches_of_like_length_waste_little() -> None:
    some = encoded([(place * 37) % 60 + 4 for place in range(200)])
    plan = plan_batches(some, [1.0] * 200, 1, 5, False, 64, 0)
    widths = [max(len(some[row[0]].input_ids) for row in batch.rows) * len(batch.rows) for batch in plan]
    real = sum(len(one.input_ids) for one in some)
    assert real / sum(widths) > 0.95


def test_a_packed_batch_has_restarting_positions_and_no_mask() -> None:
    some = encoded([3, 2, 4])
    told = collate(some, Batch(((0, 1), (2,))), PAD, packed=True)
    assert set(told) == {"input_ids", "labels", "position_ids", "record_ids"}
    assert told["record_ids"] == ["r0", "r1", "r2"]
    assert told["position_ids"].tolist() == [[0, 1, 2, 0, 1], [0, 1, 2, 3, 0]]
    assert told["input_ids"].tolist() == [[*some[0].input_ids, *some[1].input_ids], [*some[2].input_ids, PAD]]
    first, second, third = (list(one.labels) for one in some)
    expected = [[IGNORED, *first[1:], IGNORED, *second[1:]], [IGNORED, *third[1:], IGNORED]]
    assert told["labels"].tolist() == expected


def test_a_padded_batch_has_a_mask_by_length_even_where_pad_is_a_token_of_the_text() -> None:
    some = [Encoded("a", (PAD, 7, PAD), (IGNORED, 7, PAD)), Encoded("b", (8,), (8,))]
    told = collate(some, Batch(((0,), (1,))), PAD, packed=False)
    assert set(told) == {"input_ids", "labels", "attention_mask", "record_ids"}
    assert told["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert told["labels"].tolist() == [[IGNORED, 7, PAD], [IGNORED] * 3]


def logits_apart(model: Any, some: list[Encoded]) -> list[Any]:
    import torch

    with torch.no_grad():
        return [model(input_ids=torch.tensor([one.input_ids]), use_cache=False).logits[0] for one in some]


def farthest(model: Any, some: list[Encoded], batch: Batch, inputs: dict[str, Any]) -> float:
    """Return the largest difference of a packed batch's logits to those of its examples alone."""
    import torch

    with torch.no_grad():
        packed = model(**inputs).logits
    worst = 0.0
    for number, row in enumerate(batch.rows):
        at = 0
        for one, alone in zip(row, logits_apart(model, [some[place] for place in row]), strict=True):
            end = at + len(some[one].input_ids)
            worst = max(worst, float((packed[number, at:end] - alone).abs().max()))
            at = end
    return worst


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def model(request: pytest.FixtureRequest) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    folder: Path = request.getfixturevalue(f"tiny_{request.param}")
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa").eval()


BATCHES = [
    Batch(((0, 1, 2),)),  # one row
    Batch(((0, 1, 2), (3, 4), (5,))),  # rows of unlike length, two with padding
    Batch(((3,), (4,))),  # rows of one, nothing packed but padding
    Batch(((6, 7, 7, 6), (2, 6))),  # examples of one token, and one that stands twice
]


@pytest.mark.parametrize("batch", BATCHES)
def test_packed_logits_are_those_of_the_examples_alone(model: Any, batch: Batch) -> None:
    some = encoded([9, 14, 5, 20, 11, 7, 1, 2])
    told = collate(some, batch, PAD, packed=True)
    inputs = {name: told[name] for name in ("input_ids", "position_ids")}
    assert farthest(model, some, batch, {**inputs, "use_cache": False}) < 1e-5


def test_wrong_ways_of_packing_are_seen_by_the_test_above(model: Any) -> None:
    import torch

    some = encoded([9, 14, 5])
    batch = BATCHES[0]
    told = collate(some, batch, PAD, packed=True)
    right = {"input_ids": told["input_ids"], "position_ids": told["position_ids"], "use_cache": False}
    running = torch.arange(28)[None]
    assert farthest(model, some, batch, right) < 1e-5
    assert farthest(model, some, batch, {**right, "attention_mask": torch.ones(1, 28)}) > 1e-3
    assert farthest(model, some, batch, {**right, "position_ids": running}) > 1e-3
    assert farthest(model, some, batch, {**right, "use_cache": True}) > 1e-3


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_of_a_packed_batch_are_those_of_the_padded_one(model: Any, checkpointing: bool) -> None:
    import torch

    some = encoded([9, 14, 5, 20, 11, 7])
    gradients = []
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.train()
    for batch, packed in ((BATCHES[1], True), (Batch(tuple((place,) for place in range(6))), False)):
        told = collate(some, batch, PAD, packed)
        told.pop("record_ids")
        labels = told.pop("labels")
        logits = model(**told, use_cache=False).logits[:, :-1].flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(
            logits, labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )
        model.zero_grad()
        loss.backward()
        counted = int((labels[:, 1:] != IGNORED).sum())
        gradients.append((loss.item() / counted, counted, model.get_input_embeddings().weight.grad.clone()))
    model.gradient_checkpointing_disable()
    model.eval()
    (loss, counted, packed_gradient), (expected, tokens, gradient) = gradients
    assert (counted, loss) == (tokens, pytest.approx(expected, abs=1e-5))
    assert torch.allclose(packed_gradient, gradient, atol=1e-5)


def record(id_: str, root: str = "") -> Example:
    return Example(id_, root or id_, "", (), "Why?", "", "So.", "en", weight=3.0)


def test_replay_adds_the_ratio_of_others_at_weight_one() -> None:
    own = [record(f"o{place}") for place in range(40)]
    general = [record(f"g{place}") for place in range(100)]
    mixed = mix_replay(own, general, 0.5, 7)
    assert mixed[:40] == own
    replayed = mixed[40:]
    assert len({one.id for one in replayed}) == 20
    assert {one.weight for one in replayed} == {1.0}
    assert mix_replay(own, general[::-1], 0.5, 7) == mixed
    assert {one.id for one in mix_replay(own, general, 0.5, 8)} != {one.id for one in mixed}


def test_replay_begins_anew_only_when_the_general_set_is_used_up() -> None:
    mixed = mix_replay(
        [record(f"o{place}") for place in range(10)], [record("g0"), record("g1"), record("g2")], 0.7, 0
    )
    assert sorted(Counter(one.id for one in mixed[10:]).values()) == [2, 2, 3]


def test_replay_leaves_out_what_the_build_has_or_holds_out() -> None:
    own = [record("a"), record("b")]
    general = [record("a"), record("b2", root="b"), record("held"), record("c2", root="held2"), record("g")]
    mixed = mix_replay(own, general, 1.0, 0, held_out={"held", "held2"})
    assert [one.id for one in mixed[2:]] == ["g", "g"]
    with pytest.raises(TrainError, match="every one is in the build itself"):
        mix_replay(own, general[:2], 1.0, 0)
