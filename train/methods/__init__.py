"""The training methods, as the rest of the room sees them: a table, attaching, saving, loading, switching off.

The table is `table.py`, attaching `attaching.py`, files `adapters.py`, AdaLoRA's schedule `adalora.py`; callers
import from here. Rejected: one module for all (a thousand lines), and peft's own names at every call.
"""

from train.methods.adalora import on_step, penalty, restore_training_state, taken_away, training_state
from train.methods.adapters import (
    attachment,
    load_adapter,
    read_saved,
    save_adapter,
    trainable,
    without_adapter,
)
from train.methods.attaching import Attachment, attach, checked_targets
from train.methods.table import METHODS, Method, refusal, resolved

__all__ = [
    "METHODS",
    "Attachment",
    "Method",
    "attach",
    "attachment",
    "checked_targets",
    "load_adapter",
    "on_step",
    "penalty",
    "read_saved",
    "refusal",
    "resolved",
    "restore_training_state",
    "save_adapter",
    "taken_away",
    "trainable",
    "training_state",
    "without_adapter",
]
