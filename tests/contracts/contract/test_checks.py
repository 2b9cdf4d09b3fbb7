"""What clients get wrong is found, named and ranked; what the services' own samples do is left alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fauxscale_contracts import Exchange, Request, Violation, load
from fauxscale_contracts.contract.multipart import Part
from fauxscale_contracts.contract.violations import brief
from tests.contracts.calls import IDEOGRAM, TINY, answered, form_call, json_call, upscale, upscale_parts

GIF = b"GIF89a\x01\x00\x01\x00" + bytes(20)
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x10\x00\x20\x03" + bytes(20)
WIDE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\b\0\0\0\0"
BROAD = TINY.replace(b"\0\0\0\2", b"\0\0\0\3", 1)
BOUNDARY = (("Api-Key", "abcdefgh"), ("Content-Type", "multipart/form-data; boundary=x"))


def judge(call: Exchange, provider: str = "ideogram", api_version: str | None = None) -> list[Violation]:
    return load(provider, api_version=api_version).check_request(call)


def lines(found: list[Violation]) -> list[str]:
    return [str(one) for one in found]


def file(name: str, data: bytes = TINY) -> Part:
    return Part(name, "a.png", "image/png", data)


def inpaint(*parts: Part, mask: bytes = TINY) -> Exchange:
    """An edit of a masked picture, with further parts."""
    good = [file("image"), file("mask", mask), Part("prompt", data=b"a cat")]
    return form_call([*good, *parts], url="https://api.ideogram.ai/v1/ideogram-v3/inpaint")


def generate(**members: object) -> Exchange:
    """A call of the one picture operation whose body is JSON."""
    body = json.dumps({"image_request": {"prompt": "a cat", **members}}).encode()
    headers = (("Api-Key", "abcdefgh"), ("Content-Type", "application/json"))
    return Exchange(Request("POST", "https://api.ideogram.ai/generate", headers, body))


def models(query: str) -> Exchange:
    return Exchange(Request("GET", f"https://api.ideogram.ai/models?{query}", (("Api-Key", "abcdefgh"),)))


CODE = Part("style_codes", data=b"AAFF5733")
REJECTED, UNDOCUMENTED, IGNORED = "would be rejected", "undocumented", "ignored"
FAULTS: dict[str, tuple[Exchange, str, str, str]] = {
    "value over its maximum": (
        upscale({"resemblance": 150}),
        REJECTED,
        "/body/image_request/resemblance",
        "maximum 100",
    ),
    "value under its minimum": (upscale({"detail": 0}), REJECTED, "/body/image_request/detail", "minimum 1"),
    "wrong type": (upscale({"seed": "1"}), REJECTED, "/body/image_request/seed", "type integer"),
    "wrong word": (
        upscale({"magic_prompt_option": "on"}),
        REJECTED,
        "/body/image_request/magic_prompt_option",
        "enum AUTO, ON, OFF",
    ),
    "misspelt member": (
        upscale({"resemblence": 5}),
        IGNORED,
        "/body/image_request/resemblence",
        "known members",
    ),
    "broken JSON": (upscale(b'{"detail": 5'), REJECTED, "/body/image_request", "JSON"),
    "NaN": (upscale(b'{"detail": NaN}'), REJECTED, "/body/image_request", "JSON"),
    "JSON too deep": (upscale(b"[" * 100_000), REJECTED, "/body/image_request", "JSON"),
    "JSON deeper than its schema": (
        upscale(b'{"prompt": ' + b"[" * 300 + b"]" * 300 + b"}"),
        REJECTED,
        "/body/image_request",
        "JSON",
    ),
    "half a surrogate pair": (upscale(b'{"prompt": "\\ud800"}'), REJECTED, "/body/image_request", "JSON"),
    "JSON not UTF-8": (upscale(b'{"prompt": "\xe9"}'), REJECTED, "/body/image_request", "JSON"),
    "JSON of another kind": (upscale([]), REJECTED, "/body/image_request", "type object"),
    "JPEG label on PNG bytes": (
        upscale(label="image/jpeg"),
        UNDOCUMENTED,
        "/body/image_file",
        "the label is true",
    ),
    "junk with an image label": (
        upscale(picture=b"junk"),
        REJECTED,
        "/body/image_file",
        "formats PNG, JPEG, WEBP",
    ),
    "nothing with an image label": (
        upscale(picture=b""),
        REJECTED,
        "/body/image_file",
        "formats PNG, JPEG, WEBP",
    ),
    "a GIF": (
        upscale(picture=GIF, label="image/gif"),
        REJECTED,
        "/body/image_file",
        "formats PNG, JPEG, WEBP",
    ),
    "too many bytes": (
        upscale(picture=TINY + bytes(10 * 1024**2)),
        REJECTED,
        "/body/image_file",
        "maxBytes 10485760",
    ),
    "too many pixels": (upscale(picture=WIDE), UNDOCUMENTED, "/body/image_file", "maxPixels 25000000"),
    "file without a filename": (
        upscale(filename=None),
        UNDOCUMENTED,
        "/body/image_file",
        "files have a filename",
    ),
    "missing file": (form_call(upscale_parts()[:1]), REJECTED, "/body/image_file", "required"),
    "missing request": (form_call(upscale_parts()[1:]), REJECTED, "/body/image_request", "required"),
    "unknown part": (
        form_call([*upscale_parts(), Part("image", data=b"x")]),
        IGNORED,
        "/body/image",
        "known parts",
    ),
    "the same part twice": (
        form_call([*upscale_parts(), *upscale_parts()[1:]]),
        UNDOCUMENTED,
        "/body/image_file",
        "one part of a name",
    ),
    "a strange label on a text": (
        form_call([Part("image_request", None, "text/xml", b"{}"), *upscale_parts()[1:]]),
        UNDOCUMENTED,
        "/body/image_request",
        "a text part of JSON",
    ),
    "JSON where a form is wanted": (
        Exchange(
            Request("POST", IDEOGRAM, (("Api-Key", "abcdefgh"), ("Content-Type", "application/json")), b"{}")
        ),
        REJECTED,
        "/headers/content-type",
        "content multipart/form-data",
    ),
    "no content type": (
        Exchange(Request("POST", IDEOGRAM, (("Api-Key", "abcdefgh"),), b"{}")),
        REJECTED,
        "/headers/content-type",
        "content multipart/form-data",
    ),
    "no body": (Exchange(Request("POST", IDEOGRAM, BOUNDARY)), REJECTED, "/body", "required"),
    "a form cut short": (
        Exchange(
            Request("POST", IDEOGRAM, BOUNDARY, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb')
        ),
        REJECTED,
        "/body",
        "multipart/form-data",
    ),
    "no key": (form_call(upscale_parts(), headers=()), REJECTED, "/headers/api-key", "Api-Key: <key>"),
    "an empty key": (
        form_call(upscale_parts(), headers=(("Api-Key", ""),)),
        REJECTED,
        "/headers/api-key",
        "Api-Key: <key>",
    ),
    "the key in another service's header": (
        form_call(upscale_parts(), headers=(("Authorization", "Bearer abcdefgh"),)),
        REJECTED,
        "/headers/api-key",
        "Api-Key: <key>",
    ),
    "an unknown query": (
        form_call(upscale_parts(), url=f"{IDEOGRAM}?dry_run=true"),
        UNDOCUMENTED,
        "/query/dry_run",
        "no query",
    ),
    "a mask of another size": (inpaint(mask=BROAD), REJECTED, "/body/mask", "sizeOf image"),
    "a wrong entry of a list of parts": (
        inpaint(CODE, Part("style_codes", data=b"red")),
        REJECTED,
        "/body/style_codes/1",
        "pattern ^[0-9a-fA-F]{8}$",
    ),
    "too many parts of a list": (
        inpaint(*[file("character_reference_images")] * 2),
        REJECTED,
        "/body/character_reference_images",
        "maxItems 1",
    ),
    "files too large together": (
        inpaint(*[file("style_reference_images", TINY + bytes(6 * 1024**2))] * 2),
        REJECTED,
        "/body/style_reference_images",
        "x-total-bytes 10485760",
    ),
    "a file in a list that is no picture": (
        inpaint(file("style_reference_images", b"junk")),
        REJECTED,
        "/body/style_reference_images",
        "formats PNG, JPEG, WEBP",
    ),
    "parts that exclude each other": (
        inpaint(CODE, Part("style_type", data=b"DESIGN")),
        REJECTED,
        "/body/style_codes",
        "not style_codes and style_type",
    ),
    "a part that needs another": (
        inpaint(file("character_reference_images_mask")),
        REJECTED,
        "/body/character_reference_images",
        "required",
    ),
    "a palette without a name or colours": (
        inpaint(Part("color_palette", data=b'{"colour": "red"}')),
        REJECTED,
        "/body/color_palette",
        "anyOf NamedPalette or PaletteOfColors",
    ),
    "an unknown part where those are ignored": (
        inpaint(Part("num_image", data=b"2")),
        IGNORED,
        "/body/num_image",
        "known parts",
    ),
    "members that exclude each other": (
        generate(resolution="RESOLUTION_1024_1024", aspect_ratio="ASPECT_1_1"),
        REJECTED,
        "/body/image_request/resolution",
        "not resolution and aspect_ratio",
    ),
    "a member that the model asked for has not": (
        generate(model="V_1", style_type="ANIME"),
        REJECTED,
        "/body/image_request/style_type",
        "not style_type and model",
    ),
    "a wrong entry of a list in a query": (
        models("status=COMPLETED&status=DONE"),
        REJECTED,
        "/query/status/1",
        "enum CREATING, DRAFT, TRAINING, COMPLETED, ERRORED, ARCHIVED",
    ),
    "an unknown address": (
        form_call(upscale_parts(), url="https://api.ideogram.ai/v1/upscale/now"),
        REJECTED,
        "/method",
        brief(", ".join(f"{one.method} {one.path}" for one in load("ideogram").operations.values())),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_alone_with_place_rule_and_weight(name: str) -> None:
    call, severity, pointer, rule = FAULTS[name]
    (found,) = judge(call)
    told = found.rule.removesuffix(" (a guess)")
    assert (found.severity, found.pointer, told) == (severity, pointer, rule)
    assert "\n" not in str(found)
    assert len(str(found)) < 400


def test_every_fault_of_a_request_is_told() -> None:
    call = form_call(upscale_parts({"detail": 101, "sed": 1}, picture=GIF, label=None), headers=())
    assert {one.pointer for one in judge(call)} == {
        "/headers/api-key",
        "/body/image_request/detail",
        "/body/image_request/sed",
        "/body/image_file",
    }


def test_a_misspelt_member_is_told_its_right_name() -> None:
    assert "did you mean resemblance?" in str(judge(upscale({"resemblence": 5}))[0])


@pytest.mark.parametrize(
    "call",
    [
        upscale(),
        upscale({"resemblance": 55, "detail": 90}),
        upscale(label=None),
        upscale(label="application/octet-stream"),
        upscale(filename=""),
        upscale(picture=JPEG, label="image/jpg", filename="a.png"),
        upscale(picture=TINY + bytes(10 * 1024**2 - len(TINY))),
        form_call(reversed(upscale_parts())),
        form_call([Part("image_request", None, "application/json", b"{}"), *upscale_parts()[1:]]),
        form_call([Part("image_request", "r.json", "application/json", b"{}"), *upscale_parts()[1:]]),
        form_call(upscale_parts(), headers=(("api-KEY", "abcdefgh"), ("X-Own", "1"))),
        inpaint(CODE, CODE, Part("color_palette", data=b'{"name": "PASTEL"}')),
        inpaint(file("character_reference_images"), file("character_reference_images_mask")),
        generate(model="V_2", style_type="ANIME", negative_prompt="rain"),
        models("scope=owned&status=COMPLETED&status=DRAFT"),
    ],
)
def test_what_real_clients_do_is_no_violation(call: Exchange) -> None:
    assert lines(judge(call)) == []


def test_a_later_api_version_takes_larger_files_and_newer_members() -> None:
    large = upscale({"magic_prompt_version": "V_0_1"}, picture=TINY + bytes(11 * 1024**2))
    assert {one.rule.split()[0] for one in judge(large)} == {"maxBytes", "known"}
    assert judge(large, api_version="2026-10") == []


class TestTheOtherServices:
    url = "https://api.lumenfall.ai/openai/v1/images/edits"
    bearer = (("Authorization", "Bearer lmnfl_a.b"),)

    def edit(self, *extra: Part, name: str = "image") -> Exchange:
        parts = [Part("model", data=b"ideogram-upscale"), Part(name, "s.png", None, TINY), *extra]
        return form_call(parts, url=self.url, headers=self.bearer)

    def test_lumenfalls_own_sample_is_no_violation(self) -> None:
        sample = self.edit(Part("prompt", data=b"Add a starry night sky"), Part("size", data=b"1024x1024"))
        assert lines(judge(sample, "lumenfall")) == []

    def test_openais_clients_name_the_picture_in_a_list(self) -> None:
        assert lines(judge(self.edit(name="image[]"), "lumenfall")) == []

    @pytest.mark.parametrize(
        ("name", "text", "rule"),
        [
            ("scale_factor", b"3", "maximum 2"),
            ("scale_factor", b"1", "exclusiveMinimum 1"),
            ("scale_factor", b"two", "type number"),
            ("n", b"1.5", "type integer"),
            ("expand_prompt", b"maybe", "type boolean"),
            ("output_format", b"tiff", "enum png, jpeg, gif, webp, avif"),
            ("prompt", b"x" * 1001, "maxLength 1000"),
        ],
    )
    def test_text_fields_are_read_as_what_they_stand_for(self, name: str, text: bytes, rule: str) -> None:
        (found,) = judge(self.edit(Part(name, data=text)), "lumenfall")
        assert (found.pointer, found.rule) == (f"/body/{name}", rule)

    def test_a_text_field_must_be_utf8(self) -> None:
        (found,) = judge(self.edit(Part("prompt", data=b"\xe9")), "lumenfall")
        assert (found.pointer, found.rule, found.severity) == ("/body/prompt", "UTF-8", REJECTED)

    def test_the_scheme_before_a_key_counts(self) -> None:
        call = form_call(
            [Part("model", data=b"m"), Part("image", "s", None, TINY)],
            url=self.url,
            headers=(("Authorization", "Key x"),),
        )
        assert [one.rule for one in judge(call, "lumenfall")] == ["Authorization: Bearer <key>"]

    def test_a_query_is_read_as_what_it_stands_for(self) -> None:
        good, bad = (
            json_call(f"https://api.lumenfall.ai/v1/requests?limit={n}", None, method="GET")
            for n in ("5", "x")
        )
        assert [one.pointer for one in judge(good, "lumenfall")] == []
        # That there is a limit is a guess, so nobody can say that it would be refused.
        assert [(one.severity, one.pointer, one.rule) for one in judge(bad, "lumenfall")] == [
            (UNDOCUMENTED, "/query/limit", "type integer")
        ]

    def test_what_another_value_of_a_flag_in_a_query_does_is_on_no_record(self) -> None:
        call = form_call(
            [Part("model", data=b"m"), Part("image", "s", None, TINY)],
            url=f"{self.url}?dryRun=maybe",
            headers=(("Authorization", "Bearer x"),),
        )
        assert [(one.severity, one.pointer) for one in judge(call, "lumenfall")] == [
            (UNDOCUMENTED, "/query/dryRun")
        ]

    def test_what_a_mask_may_be_is_on_no_record(self) -> None:
        parts = [Part("model", data=b"m"), Part("image", "s", None, TINY), Part("mask", "m", None, b"none")]
        call = form_call(parts, url=self.url, headers=(("Authorization", "Bearer x"),))
        assert [(one.severity, one.pointer) for one in judge(call, "lumenfall")] == [
            (UNDOCUMENTED, "/body/mask")
        ]

    def fal(self, **members: object) -> list[Violation]:
        return judge(json_call("https://fal.run/fal-ai/ideogram/upscale", members, key="Key a:b"), "fal")

    def test_a_member_that_fal_overlooks_is_ignored_by_it(self) -> None:
        (found,) = self.fal(image_url="https://example.com/a.png", num_images=2)
        assert (found.severity, found.pointer) == (IGNORED, "/body/num_images")

    def test_a_picture_inside_json_is_seen(self) -> None:
        def uri(data: bytes, label: str = "image/png") -> str:
            return f"data:{label};base64,{base64.b64encode(data).decode()}"

        assert self.fal(image_url=uri(TINY)) == []
        assert [one.rule for one in self.fal(image_url=uri(GIF, "image/gif"))] == ["formats PNG, JPEG, WEBP"]
        assert [one.rule for one in self.fal(image_url=uri(TINY, "image/webp"))] == ["the label is true"]
        assert [one.rule for one in self.fal(image_url="data:image/png;base64,****")] == ["base64"]
        assert [one.rule for one in self.fal(image_url=uri(TINY + bytes(10**6)))] == []

    def test_bare_base64_is_a_picture_where_it_is_one(self) -> None:
        def ask(image: str) -> list[str]:
            body = {"model": "ideogram/ideogram-upscale", "prompt": "a", "image": image}
            return [
                one.rule
                for one in judge(
                    json_call("https://api.aigateway.sh/v1/images/generations", body), "aigateway"
                )
            ]

        assert ask(base64.b64encode(TINY).decode()) == []
        assert ask(base64.b64encode(b"junk").decode()) == ["formats PNG, JPEG, WEBP"]
        assert ask(base64.b64encode(TINY + bytes(26 * 1024**2)).decode()) == ["maxBytes 26214400"]
        assert ask("https://example.com/a.png") == []

    def test_broken_json_is_told_once(self) -> None:
        call = json_call("https://fal.run/fal-ai/ideogram/upscale", {}, key="Key a:b")
        broken = Exchange(Request("POST", call.request.url, call.request.headers, b"{"))
        assert [one.pointer for one in judge(broken, "fal")] == ["/body"]


class TestReplies:
    good: Any = load("ideogram").operation("ideogram.upscale").example(200)

    def judge(
        self, status: int, body: object, *headers: tuple[str, str], call: Exchange | None = None
    ) -> list[Violation]:
        return load("ideogram").check_response(answered(call or upscale(), status, body, *headers))

    def changed(self, **members: object) -> dict[str, Any]:
        return {**self.good, "data": [{**self.good["data"][0], **members}]}

    def test_the_recorded_reply_is_no_violation(self) -> None:
        assert lines(self.judge(200, self.good)) == []
        assert lines(self.judge(422, {"error": "Prompt provided failed safety check."})) == []

    def test_no_reply_breaks_nothing(self) -> None:
        assert load("ideogram").check_response(upscale()) == []

    def test_a_lie_of_the_server_is_found(self) -> None:
        without = {key: one for key, one in self.good["data"][0].items() if key != "seed"}
        table: list[tuple[list[Violation], str, str, str]] = [
            (self.judge(200, {**self.good, "data": [without]}), "/body/data/0/seed", "required", REJECTED),
            (self.judge(200, self.changed(seed="1")), "/body/data/0/seed", "type integer", REJECTED),
            (
                self.judge(200, self.changed(url="ftp://x")),
                "/body/data/0/url",
                "pattern ^(https?://.+)?$",
                REJECTED,
            ),
            (self.judge(200, self.changed(new=1)), "/body/data/0/new", "known members", UNDOCUMENTED),
            (
                self.judge(200, b"<html>", ("content-type", "text/html")),
                "/headers/content-type",
                "content application/json",
                REJECTED,
            ),
            (
                self.judge(200, b"{", ("content-type", "application/json")),
                "/body",
                "application/json",
                REJECTED,
            ),
            (
                self.judge(429, {"error": "a"}, ("retry-after", "soon")),
                "/headers/retry-after",
                "pattern ^([0-9]+([.][0-9]+)?|(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [ … -9]:[0-6][0-9] GMT)$",
                REJECTED,
            ),
            (
                self.judge(200, self.good, ("content-length", "7")),
                "/headers/content-length",
                "the length is true",
                REJECTED,
            ),
        ]
        for found, pointer, rule, severity in table:
            assert [(one.pointer, one.rule, one.severity) for one in found] == [(pointer, rule, severity)]

    def test_a_status_that_is_not_on_record_is_undocumented(self) -> None:
        (found,) = self.judge(418, {})
        assert (found.pointer, found.severity) == ("/status", UNDOCUMENTED)
        assert found.rule.startswith("statuses 200, 400")

    def test_a_header_that_is_promised_is_missed(self) -> None:
        call = json_call("https://api.aigateway.sh/v1/balance", None, method="GET")
        reply = answered(call, 200, {})
        assert [one.pointer for one in load("aigateway").check_response(reply)] == ["/headers/x-request-id"]

    def link(self, status: int, body: bytes, *headers: tuple[str, str], method: str = "GET") -> list[str]:
        url = "https://ideogram.ai/api/images/ephemeral/" + "a" * 22 + ".png?exp=1&sig=" + "a" * 64
        call = Exchange(Request(method, url))
        assert lines(judge(call)) == []
        return [one.rule for one in self.judge(status, body, *headers, call=call)]

    def test_a_download_is_the_picture_it_says_it_is(self) -> None:
        png = ("content-type", "image/png")
        assert self.link(200, TINY, png) == []
        assert self.link(200, JPEG, png) == ["formats PNG"]
        assert self.link(200, b"<html>", ("content-type", "text/html")) == ["content image/png"]
        assert self.link(206, TINY[4:8], png, ("content-range", "bytes 4-7/33")) == []
        assert self.link(206, TINY[4:8], png) == ["required"]
        assert self.link(304, b"") == []
        assert self.link(200, b"", png, ("content-length", "33"), method="HEAD") == []

    def test_a_link_without_its_signature_is_refused(self) -> None:
        call = Exchange(
            Request("GET", "https://ideogram.ai/api/images/ephemeral/" + "a" * 22 + ".png?exp=soon")
        )
        assert [(one.pointer, one.rule) for one in judge(call)] == [
            ("/query/exp", "type integer"),
            ("/query/sig", "required"),
        ]

    def test_each_event_of_a_stream_is_read(self) -> None:
        call = Exchange(Request("GET", "https://queue.fal.run/fal-ai/ideogram/requests/1/status/stream"))
        headers = (("content-type", "text/event-stream"), ("x-fal-request-id", "1"))
        good = '{"status": "IN_QUEUE", "request_id": "1", "queue_position": 0}'
        bad = '{"status": "DONE", "request_id": "1", "logs": null}'
        events = f"data: {good}\n\ndata: {bad}\n\ndata: {{\n\n".encode()
        found = load("fal").check_response(answered(call, 200, events, *headers))
        assert [one.pointer for one in found] == ["/body/1/status", "/body/2"]

    def test_of_two_kinds_of_answer_the_nearer_one_is_meant(self) -> None:
        operation = load("lumenfall").operation("lumenfall.edits")
        good = operation.example(200)
        call = Exchange(Request("POST", TestTheOtherServices.url), operation="lumenfall.edits")
        headers = (
            ("x-lumenfall-request-id", "req_2m4jLFHhkN1i4VrVHpjJqCOKlPw"),
            ("x-lumenfall-provider", "fal"),
            ("x-lumenfall-model", "ideogram-upscale"),
        )
        found = load("lumenfall").check_response(answered(call, 200, {**good, "created": "now"}, *headers))
        assert [(one.pointer, one.rule) for one in found] == [("/body/created", "type integer")]


def test_the_operation_may_be_named_instead_of_found() -> None:
    call = upscale()
    named = Exchange(
        Request("POST", "http://anywhere/at/all", call.request.headers, call.request.body),
        operation="ideogram.upscale",
    )
    assert judge(named) == []


def test_a_long_value_does_not_flood_the_line() -> None:
    (found,) = judge(upscale({"magic_prompt_option": "x" * 100_000}))
    assert len(str(found)) < 400


def test_real_photos_in_every_format_pass() -> None:
    folder = Path(__file__).parents[3] / "fixtures" / "images"
    pictures = [path for path in folder.iterdir() if path.suffix in (".png", ".jpg", ".webp")]
    assert len(pictures) >= 3
    for path in pictures:
        assert judge(upscale(picture=path.read_bytes(), label=None)) == [], path


def test_a_violation_of_a_guess_says_so() -> None:
    contract = load("ideogram")
    (found,) = contract.check_response(answered(upscale(), 400, {"message": json.dumps("?")}))
    assert found.rule == "required (a guess)"


def test_a_problem_document_is_judged_as_the_json_it_is() -> None:
    good = {"type": "about:blank", "title": "Bad Request", "detail": "wrong", "status": 400}
    kind = ("content-type", "application/problem+json")
    ways = {name: {key: one for key, one in good.items() if key != name} for name in good}
    assert load("ideogram").check_response(answered(upscale(), 400, json.dumps(good).encode(), kind)) == []
    for name, body in ways.items():
        (found,) = load("ideogram").check_response(answered(upscale(), 400, json.dumps(body).encode(), kind))
        assert found.pointer == f"/body/{name}"
