"""What the gateways that speak OpenAI's dialect have in common."""

from __future__ import annotations

from .profile import Probe

# Variables that OpenAI's clients read by themselves, besides those of the gateway.
ENV = {"OPENAI_BASE_URL": "{base_url}", "OPENAI_API_KEY": "{key}"}


def probes(name: str, model: str, price: float) -> tuple[Probe, ...]:
    """The probes of a gateway: an edit with and without its picture, a wrong key, the list of models."""
    edits, path = f"{name}.edits", "/images/edits"
    fields = {"model": model, "prompt": "a cat"}
    return (
        Probe(id="a small picture", operation=edits, path=path, fields=fields, picture="image", cost=price),
        Probe(id="no picture", operation=edits, path=path, fields=fields),
        Probe(id="a wrong key", operation=edits, path=path, fields=fields, picture="image", valid_key=False),
        Probe(
            id="the models",
            operation=f"{name}.models",
            path="/models",
            method="GET",
            encoding="none",
            free=True,
        ),
    )
