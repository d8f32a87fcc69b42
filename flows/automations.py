"""Automations of a Prefect server: what it does by itself when a run falls silent, crashes, fails or misses a gate.

They live in the server, so they act when worker and run are gone. A run sends a sign of life every half minute; without
one for a minute and a half it counts as crashed, and a crashed run of a deployment is ordered again: it goes on from
the store. Messages need a block of Prefect that knows where to send them (`prefect block register`, or the page
Blocks), named as type/name. Making them twice replaces them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flows.errors import FlowError
from flows.server import check_reachable, configured_api

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.events.schemas.automations import AutomationCore

GATE_EVENT = "dataset.gate.fell-short"
"""The event that a run emits when a dataset gate of its build fell short; its payload holds the sentence."""

HEARTBEAT_SECONDS = 30
SILENT_SECONDS = 90

FLOWS = ("build", "train", "nightly")


def automate(block: str | None) -> list[str]:
    """Make the automations on the configured server; return their names.

    Args:
        block: type/name of the block that sends messages; without one, none are sent.

    Raises:
        FlowError: no server is configured or it cannot be reached, or it has no such block.
    """
    api = configured_api()
    if api is None:
        raise FlowError("no Prefect server is configured", "set PREFECT_API_URL to the address of one")
    check_reachable(api)
    wanted = [_silent(), _crashed()]
    if block is not None:
        sender = _block(block, api)
        wanted += [_failed(sender), _short(sender)]
    return [_made(automation) for automation in wanted]


def _made(automation: AutomationCore) -> str:
    from prefect.client.orchestration import get_client
    from prefect.utilities.asyncutils import run_coro_as_sync

    async def replace() -> None:
        async with get_client() as client:
            for old in await client.read_automations_by_name(automation.name):
                await client.delete_automation(old.id)
            await client.create_automation(automation)

    run_coro_as_sync(replace())
    return automation.name


def _silent() -> AutomationCore:
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
    return AutomationCore(
        name="dataset: silent runs have crashed",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *ends},
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENT_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message=f"no sign of life for {SILENT_SECONDS} seconds",
                force=False,
            )
        ],
    )


def _crashed() -> AutomationCore:
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState

    again = ChangeFlowRunState(
        name="AwaitingRetry",
        state=StateType.SCHEDULED,
        message="ordered again: it goes on from its store",
        force=False,
    )
    return _on("dataset: crashed runs are ordered again", {"prefect.flow-run.Crashed"}, FLOWS, [again])


def _failed(block: UUID) -> AutomationCore:
    from prefect.events.actions import SendNotification

    message = SendNotification(
        block_document_id=block,
        subject="{{ flow.name }}: {{ flow_run.name }} failed",
        body="{{ flow_run.state.message }}\n{{ flow_run|ui_url or '' }}",
    )
    return _on("dataset: message on failure", {"prefect.flow-run.Failed"}, FLOWS, [message])


def _short(block: UUID) -> AutomationCore:
    from prefect.events.actions import SendNotification

    message = SendNotification(
        block_document_id=block,
        subject="A dataset gate fell short: {{ event.resource.name }}",
        body="{{ event.payload.sentence }}",
    )
    return _on("dataset: message on a gate that fell short", {GATE_EVENT}, (), [message])


def _on(name: str, events: set[str], flows: tuple[str, ...], actions: list[object]) -> AutomationCore:
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    related = {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)} if flows else {}
    return AutomationCore(
        name=name,
        trigger=EventTrigger(
            expect=events,
            match_related=related,  # type: ignore[arg-type]
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=actions,  # type: ignore[arg-type]
    )


def _block(named: str, api: str) -> UUID:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    kind, _, name = named.partition("/")
    client = get_client(sync_client=True)
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound as error:
        raise FlowError(
            f"the Prefect server at {api} has no block {named!r}",
            "make one on its page Blocks, such as slack-webhook/ops, and name it as type/name",
        ) from error
