"""How a recipe names an endpoint: where it is, which model, what it may cost, and how long to wait for it.

Nothing secret is here: the recipe names the environment variable that holds the key, and only the client reads it.
Who an endpoint is (for the manifest and the caches) is its address, the model and what alters answers. Rejected: a key
in the recipe (recipes are committed), and an address with a key in it.
"""

from __future__ import annotations

import os
import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity
from pipeline.store import digest


class Endpoint(BaseModel):
    """An OpenAI-compatible endpoint (`/v1/chat/completions`): OpenAI, vLLM, llama.cpp, Ollama, LM Studio and others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        description="Up to and with the version, such as http://localhost:8000/v1; `/chat/completions` is added."
    )
    model: str = Field(min_length=1, description="As the endpoint calls it.")
    key_env: str = Field(
        default="",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$",
        description="Name of the environment variable that holds the key; empty where none is wanted. Never the key.",
    )
    structured: Literal["json_schema", "json_object", "off"] = Field(
        default="json_schema",
        description="How JSON is asked for besides in words; older servers know `json_object` only, or nothing.",
    )
    send_seed: bool = Field(
        default=True, description="Whether a seed goes with each prompt; some servers refuse the field."
    )
    tokens_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens",
        description="How the server calls the limit of an answer; OpenAI's newer models differ.",
    )
    concurrency: int = Field(default=4, ge=1, le=256, description="Requests under way at a time.")
    connect_timeout_s: float = Field(default=10, gt=0, description="Seconds to reach the server.")
    read_timeout_s: float = Field(default=60, gt=0, description="Seconds without a byte.")
    timeout_s: float = Field(default=300, gt=0, description="Seconds for a whole answer.")
    tries: int = Field(default=6, ge=1, le=20, description="Times a request is sent before the build stops.")
    backoff_s: float = Field(
        default=1, gt=0, description="Seconds before the second try; each later wait is twice the last."
    )
    longest_wait_s: float = Field(
        default=120,
        gt=0,
        description="Longest wait between tries; a server that asks for more stops the build.",
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="Sent at most, in any 60 seconds."
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Read and written at most, in any 60 seconds."
    )
    price_in: float = Field(default=0, ge=0, description="Price of a million tokens read, in your currency.")
    price_out: float = Field(default=0, ge=0, description="Price of a million tokens written.")
    max_cost: float | None = Field(
        default=None,
        gt=0,
        description="Most that this model may cost in all builds of one working folder; the build stops before.",
    )

    @field_validator("url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"is no address: {error}") from None
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("is not of the form https://host/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "holds more than a host and a path; a key goes into the variable that `key_env` names"
            )
        if parts.path.rstrip("/").endswith("/chat/completions"):
            raise ValueError("ends in /chat/completions, which is added by itself")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _price_of_a_limit(self) -> Endpoint:
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise ValueError("`max_cost` needs `price_in` and `price_out`: without prices no cost is known")
        return self

    @property
    def name(self) -> str:
        """The name that people know it by."""
        return f"{self.model} at {self.url}"

    def key(self) -> str:
        """Return the key, "" where none is wanted.

        Raises:
            ModelError: the environment has no such variable, or an empty or unusable one.
        """
        if not self.key_env:
            return ""
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise ModelError(
                f"the endpoint {self.name} wants a key, and the environment has no {self.key_env}",
                f"export {self.key_env}=… before the build (the key itself never goes into a recipe)",
            )
        if not re.fullmatch(r"[!-~]+", key):
            raise ModelError(
                f"the key in {self.key_env} holds blanks or characters that a header cannot",
                f"export {self.key_env} anew, without quotes or line breaks",
            )
        return key


def endpoint_identity(endpoint: Endpoint) -> ModelIdentity:
    """Return who an endpoint is, without a call: its address, its model and what alters answers.

    Raises:
        ModelError: the key it wants is not in the environment.
    """
    endpoint.key()
    altering = digest(
        endpoint.url, endpoint.model, endpoint.structured, endpoint.send_seed, endpoint.tokens_field
    )
    return ModelIdentity(endpoint.name, "", "", altering, "endpoint", 0, "none", "all")
