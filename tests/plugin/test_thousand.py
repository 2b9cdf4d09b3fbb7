"""Many tests on two workers: each finds what it did itself, and nothing of the others."""

from __future__ import annotations

import pytest

from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("tests", [100, pytest.param(1_000, marks=pytest.mark.torture)])
def test_tests_on_two_workers_never_see_each_other(run: Runs, tests: int) -> None:
    run.write(f"""
        import json
        from fauxscale import Fail

        @pytest.fixture(scope="session")
        def http():
            with httpx.Client() as http:
                yield http

        @pytest.mark.parametrize("number", range({tests}))
        def test_account(fauxscale, number, sample_image, http):
            unlucky = number % 5 == 0
            if unlucky:
                fauxscale.faults.add(Fail(429 if number % 2 else 503), on="ideogram.upscale")
            fauxscale.clock.freeze(1_800_000_000 + number)
            form = {{"image_file": sample_image("PNG", 8, 8), "image_request": (None, json.dumps({{"seed": number}}))}}
            reply = http.post(
                fauxscale.base_url("ideogram") + "/upscale",
                headers={{"Api-Key": fauxscale.api_key("ideogram")}},
                files=form,
            )
            assert reply.is_success != unlucky
            (call,) = fauxscale.calls
            assert call.status == reply.status_code
            assert call.at == 1_800_000_000 + number
            assert unlucky or call.params.seed == number
            assert fauxscale.spend == (0 if unlucky else 0.06)
            assert [rule.left for rule in fauxscale.faults.list()] == [0] * unlucky
    """)
    result = run.apart("-n", "2", "-p", "xdist", "-q")
    result.assert_outcomes(passed=tests)
    made = tests * 4 // 5
    result.stdout.fnmatch_lines(
        [f"fauxscale: {tests:,} calls, {made} images, would have cost ${made * 0.06:.2f}"]
    )
