"""What can go wrong only under Prefect, as branches of the one tree of errors.

PipelineError
├── FlowError        a server, work pool or schedule cannot be used   (exit 1)
└── GateError    a build was made, but a dataset gate fell short  (exit 3)
"""

from __future__ import annotations

from pipeline.errors import PipelineError


class FlowError(PipelineError):
    """Prefect cannot do what it was asked to; nothing was started."""


class GateError(PipelineError):
    """The build stands, but must not be trained on: the message is what its gates say."""

    exit_code = 3
