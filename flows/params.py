"""The parameters of the flows, with what Prefect checks them by: wrong ones are refused before a run exists."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

RecipePath: TypeAlias = Annotated[str, Field(min_length=1, description="Recipe of the build (.yaml).")]
OutFolder: TypeAlias = Annotated[
    str | None, Field(description="Folder of the build; by default builds/<name>.")
]
StoreFolder: TypeAlias = Annotated[str, Field(min_length=1, description="Folder of the store.")]
RunnerName: TypeAlias = Annotated[
    Literal["auto", "serial", "processes"],
    Field(description="Where work runs: in one process or in several."),
]
Workers: TypeAlias = Annotated[
    int | None, Field(ge=1, description="Processes; by default one for each core.")
]
TrainRecipePath: TypeAlias = Annotated[
    str, Field(min_length=1, description="Recipe of the training (.yaml).")
]
RunsFolder: TypeAlias = Annotated[str, Field(min_length=1, description="Folder of training runs.")]
AdaptersFolder: TypeAlias = Annotated[
    str, Field(min_length=1, description="Folder of the registry of adapters.")
]
Share: TypeAlias = Annotated[
    float, Field(ge=0, le=1, description="Share of records in changed files from which on a night trains.")
]
Hours: TypeAlias = Annotated[float, Field(gt=0, description="Hours after which a step has failed.")]
RunsServedAt: TypeAlias = Annotated[
    str, Field(description="Address under which the folder of runs is served; by default links are file://.")
]
ServedAt: TypeAlias = Annotated[
    str, Field(description="Address under which the build's folder is served; by default links are file://.")
]
