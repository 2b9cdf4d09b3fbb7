"""What editors complete is what there is."""

from __future__ import annotations

from typing import get_args

from fauxscale.client.arguments import CallFilters
from fauxscale.client.filters import FACTS
from fauxscale.client.names import OperationName, ProviderName
from fauxscale.providers import PROVIDERS


def test_the_operations_that_editors_complete_are_those_of_the_providers() -> None:
    there = {
        endpoint.operation for provider in PROVIDERS for site in provider.sites for endpoint in site.endpoints
    }
    assert get_args(OperationName) == tuple(sorted(there))
    assert get_args(ProviderName) == tuple(provider.name for provider in PROVIDERS)


def test_the_filters_that_editors_complete_are_the_facts_of_calls() -> None:
    assert set(CallFilters.__annotations__) == set(FACTS)
