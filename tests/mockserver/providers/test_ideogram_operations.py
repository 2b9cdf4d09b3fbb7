"""Ideogram's picture operations answer in their documented shapes, cost what they should, and can go wrong."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from fauxscale import (
    LoseReply,
    NullUrl,
    SameSize,
    Settings,
    Smaller,
    SwappedResults,
    UnsafeImage,
)
from fauxscale.client import AccountHandle
from fauxscale.providers.ideogram import PROVIDER
from tests.calls.ideogram import SAMPLES
from tests.ideogram_operations.calling import Calling, Row, run
from tests.ideogram_operations.rows import ROWS
from tests.pictures import opened, picture
from tests.stages import Stage, open_stage

# Those whose reply has the pictures in `data`.
PICTURES = [name for name in SAMPLES if name not in ("describe", "v3_layerize_text")]
V3_SIZES = re.compile(r"(5[1-9]\d|[6-9]\d\d|1[0-5]\d\d)x(5[1-9]\d|[6-9]\d\d|1[0-5]\d\d)")
# Every file part of every operation, and whether a call needs it.
FILES = {
    "upscale": {"image_file": True},
    "edit": {"image_file": True, "mask": True},
    "remix": {"image_file": True},
    "reframe": {"image_file": True},
    "describe": {"image_file": True},
    "v1_edit": {"images": True},
    "remove_background": {"image": True},
    "v3_generate": {"style_reference_images": False, "character_reference_images": False},
    "v3_inpaint": {"image": True, "mask": True, "style_reference_images": False},
    "v3_edit": {"image": True, "mask": True, "character_reference_images": False},
    "v3_remix": {"image": True, "style_reference_images": False, "character_reference_images": False},
    "v3_reframe": {"image": True, "style_reference_images": False},
    "v3_replace_background": {"image": True, "style_reference_images": False},
    "v3_layerize_text": {"image": True},
}
BAD = {
    "text": b"none",
    "GIF": picture("GIF"),
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "cut PNG": picture()[:-40],
    "cut JPEG": picture("JPEG")[:-30],
    "cut WebP": picture("WEBP")[:-30],
    "signature alone": b"\x89PNG\r\n\x1a\n",
    "text after": b"GIF89a" + picture(),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    yield from open_stage("in-process")


@pytest.fixture
def account(stage: Stage) -> AccountHandle:
    return stage.account()


def send(stage: Stage, account: AccountHandle, name: str, **changes: Any) -> httpx.Response:
    return SAMPLES[name].send(stage.http, stage.base_url("ideogram"), account.api_key("ideogram"), **changes)


def ask(stage: Stage, account: AccountHandle, name: str, count: int = 1, **changes: Any) -> Any:
    """Send a sample that makes so many images; its reply."""
    if SAMPLES[name].json:
        changes = {**SAMPLES[name].asked(num_images=count), **changes}
    elif name != "remove_background":
        changes = {"num_images": str(count), **changes}
    reply = send(stage, account, name, **changes)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_operation_makes_what_it_says_and_costs_what_is_listed(
    stage: Stage, account: AccountHandle, row: Row
) -> None:
    calling = Calling(stage.http, stage.base_url("ideogram"), account)
    run(row, calling)
    assert calling.departures() == []


def test_there_is_a_row_for_every_operation() -> None:
    endpoints = [one for site in PROVIDER.sites for one in site.endpoints if one.kind == "api"]
    assert {one.operation for one in endpoints} == {row.operation for row in ROWS}
    pictures = {one.operation for one in endpoints if one.price}
    assert pictures == {f"ideogram.{name}" for name in SAMPLES}


# Replies.


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "remove_background"])
def test_every_image_has_a_seed_a_size_and_a_signed_link(
    stage: Stage, account: AccountHandle, name: str
) -> None:
    body = ask(stage, account, name, count=3)
    assert set(body) == {"created", "data"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", body["created"])
    assert len(body["data"]) == 3
    for item in body["data"]:
        assert {"prompt", "resolution", "is_image_safe", "seed", "url"} <= set(item)
        assert set(item) <= {
            "prompt", "resolution", "is_image_safe", "seed", "url", "style_type", "upscaled_resolution",
        }  # fmt: skip
        assert re.fullmatch(r"\d{2,5}x\d{2,5}", item["resolution"])
        path = r"/ideogram/api/images/ephemeral/[\w-]{22}\.png\?exp=\d{10}&sig=[0-9a-f]{64}"
        assert re.fullmatch(re.escape(stage.url) + path, item["url"])
    assert len({item["seed"] for item in body["data"]}) == 3
    assert len({item["url"] for item in body["data"]}) == 3


@pytest.mark.parametrize("name", [name for name in PICTURES if name.startswith("v3_")])
def test_v3_makes_pictures_in_its_own_sizes_alone(stage: Stage, account: AccountHandle, name: str) -> None:
    """A client that was generated from the description knows no other value of `resolution`."""
    (item,) = ask(stage, account, name)["data"]
    assert V3_SIZES.fullmatch(item["resolution"]), item["resolution"]


def test_a_link_lives_24_hours(stage: Stage, account: AccountHandle) -> None:
    account.clock.freeze()
    url = ask(stage, account, "v3_generate")["data"][0]["url"]
    account.clock.advance(hours=23, minutes=59)
    assert stage.http.get(url).status_code == 200
    account.clock.advance(minutes=2)
    assert stage.http.get(url).status_code == 403


def test_the_prompt_that_was_used_is_told_and_magic_changes_it(stage: Stage, account: AccountHandle) -> None:
    for option, same in (("OFF", True), ("AUTO", True), ("ON", False)):
        (item,) = ask(stage, account, "v3_generate", prompt="a cat", magic_prompt=option)["data"]
        assert (item["prompt"] == "a cat") == same
        assert item["prompt"].startswith("a cat")
    (item,) = ask(stage, account, "v3_reframe")["data"]
    assert item["prompt"] == "", "there was none, and the member is required"


def test_a_style_is_told_back(stage: Stage, account: AccountHandle) -> None:
    assert ask(stage, account, "v3_generate", style_type="DESIGN")["data"][0]["style_type"] == "DESIGN"
    assert ask(stage, account, "v3_generate")["data"][0]["style_type"] == "GENERAL"


@pytest.mark.parametrize("name", ["v3_generate", "v3_remix", "generate"])
def test_a_seed_is_told_back_and_counts_up(stage: Stage, account: AccountHandle, name: str) -> None:
    changes = (
        SAMPLES[name].asked(seed=2**31 - 1, num_images=2) if SAMPLES[name].json else {"seed": f"{2**31 - 1}"}
    )
    items = ask(stage, account, name, count=2, **changes)["data"]
    assert [item["seed"] for item in items] == [2**31 - 1, 0]


def test_a_description_has_no_other_member(stage: Stage, account: AccountHandle) -> None:
    body = send(stage, account, "describe").json()
    assert set(body) == {"descriptions"}
    assert [set(one) for one in body["descriptions"]] == [{"text"}]


def test_text_blocks_have_their_documented_members(stage: Stage, account: AccountHandle) -> None:
    body = send(stage, account, "v3_layerize_text", seed="7").json()
    assert set(body) == {"base_image_url", "original_image_url", "seed", "text_blocks"}
    assert body["seed"] == 7
    for block in body["text_blocks"]:
        assert {"x", "y", "width", "height", "text", "alignment", "formatting"} <= set(block)
        assert all(isinstance(block[one], int) for one in ("x", "y", "width", "height", "font_size"))
        assert re.fullmatch("#[0-9a-f]{6}", block["color"])


# Prices.


def spent(stage: Stage, name: str, number: int = 1, **changes: Any) -> float:
    """Dollars that so many images cost."""
    account = stage.account()
    ask(stage, account, name, count=number, **changes)
    return round(account.spend, 6)


@pytest.mark.parametrize(
    ("speed", "usual", "character"),
    [("FLASH", 0.03, 0.10), ("TURBO", 0.03, 0.10), ("DEFAULT", 0.06, 0.15), ("QUALITY", 0.09, 0.20)],
)
def test_an_image_costs_by_speed_and_more_with_a_character(
    stage: Stage, speed: str, usual: float, character: float
) -> None:
    assert spent(stage, "v3_generate", rendering_speed=speed) == usual
    assert spent(stage, "v3_inpaint", rendering_speed=speed) == usual
    reference: dict[str, Any] = {"character_reference_images": [picture()]}
    assert spent(stage, "v3_remix", rendering_speed=speed, **reference) == character
    assert spent(stage, "v3_remix", 3, rendering_speed=speed, **reference) == round(3 * character, 6)


def test_a_transparent_image_costs_by_speed_and_more_enlarged(stage: Stage) -> None:
    for speed, price in (("TURBO", 0.04), ("DEFAULT", 0.07), ("QUALITY", 0.10)):
        assert spent(stage, "v3_generate_transparent", rendering_speed=speed) == price
        assert spent(stage, "v3_generate_transparent", rendering_speed=speed, upscale_factor="X4") > price


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("V_1", 0.06),
        ("V_1_TURBO", 0.02),
        ("V_2", 0.08),
        ("V_2_TURBO", 0.05),
        ("V_2A", 0.04),
        ("V_2A_TURBO", 0.025),
    ],
)
def test_a_legacy_image_costs_by_its_model(stage: Stage, model: str, price: float) -> None:
    assert spent(stage, "generate", 2, **SAMPLES["generate"].asked(model=model, num_images=2)) == 2 * price
    assert spent(stage, "reframe", model=model) == price


def test_each_refused_or_repeated_call_is_one_line_of_the_ledger_or_none(stage: Stage) -> None:
    account = stage.account(balance=0.12)
    for _ in range(2):
        ask(stage, account, "v3_remix")
    assert send(stage, account, "v3_remix").status_code == 402
    first, second = account.ledger
    assert first.fingerprint == second.fingerprint
    assert first.operation == "ideogram.v3_remix"


# What is sent: bad pictures, masks, lists.


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in FILES.items() for part in parts])
def test_every_picture_part_refuses_what_is_no_picture(stage: Stage, name: str, part: str) -> None:
    account = stage.account()
    for kind, data in BAD.items():
        reply = send(stage, account, name, **{part: data})
        assert reply.status_code == 400, kind
        assert reply.json()["error"], kind
        (refused, *_) = reversed(account.calls)
        assert refused.rule in {"unsupported_format", "broken_image"}
    empty = send(stage, account, name, **{part: b""})
    assert empty.status_code == (400 if FILES[name][part] else 200)
    assert account.spend == (0 if FILES[name][part] else account.ledger[0].dollars)


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in FILES.items() for part in parts])
def test_every_picture_part_takes_each_format_and_mode(stage: Stage, name: str, part: str) -> None:
    account = stage.account()
    for kind, mode in (("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGBA"), ("PNG", "P"), ("PNG", "I;16")):
        data = sixteen_bit() if mode == "I;16" else picture(kind, 64, 48, mode)
        assert send(stage, account, name, **{part: data}).status_code == 200, (kind, mode)


def sixteen_bit() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("I;16").save(out, "PNG")
    return out.getvalue()


def animated(format: str) -> bytes:
    frames = [Image.new("L", (64, 48), shade) for shade in (0, 255)]
    out = io.BytesIO()
    frames[0].save(out, format, save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize("name", ["v3_inpaint", "v3_edit", "edit"])
def test_a_mask_of_another_size_is_refused(stage: Stage, account: AccountHandle, name: str) -> None:
    for size in ((63, 48), (64, 47), (48, 64), (128, 96)):
        reply = send(stage, account, name, mask=picture(width=size[0], height=size[1], mode="L"))
        assert reply.status_code == 400
        assert "mask" in reply.headers["x-fauxscale-reason"]
    turned = Image.open(io.BytesIO(picture(width=48, height=64))).convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    turned.save(out, "JPEG", exif=exif)
    assert send(stage, account, name, mask=out.getvalue()).status_code == 200, "as a viewer shows it"


def test_a_mask_of_sixteen_bits_or_several_frames_counts_by_its_first_picture(
    stage: Stage, account: AccountHandle
) -> None:
    sent = Image.open(io.BytesIO(picture(width=64, height=48)))
    for mask in (sixteen_bit(), animated("PNG"), animated("WEBP")):
        (item,) = ask(stage, account, "edit", mask=mask)["data"]
        made = opened(stage.http.get(item["url"]).content)
        size = tuple(map(int, item["resolution"].split("x")))
        assert made.size == size
        changed = made.convert("RGB").tobytes() != sent.resize(size).convert("RGB").tobytes()
        assert changed, "its black part is edited"


def test_lists_of_pictures_end_at_ten(stage: Stage, account: AccountHandle) -> None:
    assert send(stage, account, "v1_edit", images=[picture()] * 10).status_code == 200
    for count in (11, 12, 30):
        assert send(stage, account, "v1_edit", images=[picture()] * count).status_code == 400, count
    assert send(stage, account, "v1_edit", images=[picture()] * 41).status_code == 400
    refused = send(stage, account, "v1_edit", images=[picture()] * 9 + [b"none"])
    assert refused.status_code == 400
    assert send(stage, account, "v1_edit", images=None).status_code == 400
    assert send(stage, account, "v3_generate", style_reference_images=[picture()] * 11).status_code == 200


def padded(size: int) -> bytes:
    """A picture of so many bytes."""
    plain = picture("JPEG")
    segment = b"\xff\xfe\xff\xff" + bytes(65_533)
    many, rest = divmod(size - len(plain), len(segment))
    rest_of = b"\xff\xfe" + rest.to_bytes(2, "big") + bytes(rest - 2) if rest > 3 else b""
    return plain[:2] + segment * many + rest_of + plain[2:]


def test_references_may_have_ten_mb_together(stage: Stage, account: AccountHandle) -> None:
    three = padded(3_000_000)
    assert send(stage, account, "v3_generate", style_reference_images=[three] * 3).status_code == 200
    refused = send(stage, account, "v3_generate", style_reference_images=[three] * 4)
    assert refused.status_code == 400
    assert "style_reference_images" in refused.headers["x-fauxscale-reason"]


def test_a_picture_and_its_mask_may_have_ten_mb_each(stage: Stage, account: AccountHandle) -> None:
    large = padded(9_900_000)
    size = opened(large).size
    assert send(stage, account, "v3_inpaint", image=large, mask=large).status_code == 200, size
    assert send(stage, account, "v3_inpaint", image=padded(10_600_000), mask=large).status_code == 400


# Pictures named by address.


def test_a_result_is_edited_by_its_link(stage: Stage, account: AccountHandle) -> None:
    first = ask(stage, account, "v3_generate")["data"][0]["url"]
    (item,) = ask(stage, account, "v1_edit", images=None, image_urls=[first, first])["data"]
    assert item["resolution"] == "1024x1024"
    assert stage.http.get(item["url"]).status_code == 200
    both = ask(stage, account, "v1_edit", images=[picture(width=60, height=40)], image_urls=first)
    assert both["data"][0]["resolution"] == "60x40"
    assert send(stage, account, "v1_edit", images=[picture()] * 5, image_urls=[first] * 6).status_code == 400


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/secret.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/a.png",
        "https://ideogram.ai/api/images/ephemeral/AAAAAAAAAAAAAAAAAAAAAA.png?exp=1&sig=0",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "iVBORw0KGgo=",
        "//example.com/a.png",
        "http://",
        "http://[",
        "x" * 10_000,
    ],
)
def test_an_address_that_leads_elsewhere_is_refused_without_a_connection(
    stage: Stage, account: AccountHandle, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr("fauxscale.operations.image_sources.fetch", connect)
    monkeypatch.setattr("fauxscale.operations.fetch.resolve", connect)
    reply = send(stage, account, "v1_edit", images=None, image_urls=[url])
    assert reply.status_code == 400
    assert account.spend == 0


def test_the_refusal_of_an_address_is_that_of_an_unreadable_picture() -> None:
    for stage in open_stage("in-process", Settings(options={"ideogram.errors": "v2"})):
        reply = send(stage, stage.account(), "v1_edit", images=None, image_urls=["https://example.com/a.png"])
        assert (reply.status_code, reply.json()) == (400, {"error": "Could not read a source image."})


# What goes wrong.


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "remove_background"])
def test_one_of_several_can_be_withheld_and_all_are_billed(
    stage: Stage, account: AccountHandle, name: str
) -> None:
    account.faults.add(UnsafeImage(only=1), on=f"ideogram.{name}")
    items = ask(stage, account, name, count=3)["data"]
    assert [item["is_image_safe"] for item in items] == [True, False, True]
    assert [item["url"] is None for item in items] == [False, True, False]
    assert [bill.images for bill in account.ledger] == [3]


def test_an_image_that_is_not_made_cannot_be_withheld(stage: Stage, account: AccountHandle) -> None:
    rule = account.faults.add(UnsafeImage(only=3), on="ideogram.v3_generate")
    assert all(item["url"] for item in ask(stage, account, "v3_generate", count=3)["data"])
    items = ask(stage, account, "v3_generate", count=4)["data"]
    assert [item["url"] is None for item in items] == [False, False, False, True]
    assert rule is not None


def test_a_prompt_withholds_one_of_several(stage: Stage, account: AccountHandle) -> None:
    items = ask(stage, account, "v3_generate", count=2, prompt="a cat fauxscale:unsafe-200=0")["data"]
    assert [item["url"] is None for item in items] == [True, False]
    items = ask(stage, account, "v3_generate", count=2, prompt="a cat fauxscale:unsafe-200")["data"]
    assert [item["url"] is None for item in items] == [True, True]


@pytest.mark.parametrize("name", ["describe", "v3_layerize_text"])
def test_what_cannot_leave_a_picture_out_refuses_it(stage: Stage, account: AccountHandle, name: str) -> None:
    account.faults.add(UnsafeImage(), on=f"ideogram.{name}")
    assert send(stage, account, name).status_code == 422
    assert account.spend == 0
    assert send(stage, account, name).status_code == 200


@pytest.mark.parametrize("name", [name for name in SAMPLES if "prompt" in str(SAMPLES[name].fields)])
def test_every_prompt_may_name_a_fault(stage: Stage, account: AccountHandle, name: str) -> None:
    words = {"prompt": "a cat fauxscale:429"}
    changes = SAMPLES[name].asked(**words) if SAMPLES[name].json else words
    assert send(stage, account, name, **changes).status_code == 429
    assert account.spend == 0


def test_a_result_can_have_another_size_than_is_said(stage: Stage, account: AccountHandle) -> None:
    sent = picture(width=60, height=40)
    for fault, size in ((SameSize(), (60, 40)), (Smaller(), (30, 20))):
        for name in ("v3_remix", "v3_reframe", "v3_replace_background"):
            account.faults.add(fault, on=f"ideogram.{name}")
            (item,) = ask(stage, account, name, image=sent)["data"]
            assert opened(stage.http.get(item["url"]).content).size == size, name
    account.faults.add(Smaller(), on="ideogram.v3_generate")
    (item,) = ask(stage, account, "v3_generate")["data"]
    assert (item["resolution"], opened(stage.http.get(item["url"]).content).size) == ("1024x1024", (512, 512))


def test_a_fault_that_would_change_nothing_waits_for_a_call_it_can_change(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(SameSize(), on="ideogram.*")
    (item,) = ask(stage, account, "v3_generate")["data"]
    assert opened(stage.http.get(item["url"]).content).size == (1024, 1024)
    assert account.calls.where(kind="api")[0].faults == ()
    (item,) = ask(stage, account, "v3_remix", image=picture(width=60, height=40))["data"]
    assert opened(stage.http.get(item["url"]).content).size == (60, 40)


def test_results_can_be_swapped_among_operations(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(SwappedResults(), on="ideogram.v3_remix")
    (swapped,) = ask(stage, account, "v3_remix")["data"]
    (other,) = ask(stage, account, "v3_reframe", image=picture(width=50, height=50))["data"]
    pixels = [opened(stage.http.get(one["url"]).content).tobytes() for one in (swapped, other)]
    assert pixels[0] == pixels[1]


def test_a_lost_reply_was_paid_for_and_null_links_too(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(LoseReply(), on="ideogram.v3_generate")
    with pytest.raises(httpx.HTTPError):
        send(stage, account, "v3_generate")
    account.faults.add(NullUrl(), on="ideogram.v3_generate")
    assert ask(stage, account, "v3_generate")["data"][0]["url"] is None
    assert len(account.ledger) == 2


# The journal, and what costs no pixel.


def test_the_journal_knows_what_was_asked_for(stage: Stage, account: AccountHandle) -> None:
    ask(stage, account, "v3_generate", count=2, seed="5", style_reference_images=[picture(), picture()])
    ask(stage, account, "v3_remix", image=picture("JPEG", 60, 40))
    made, remixed = account.calls.where(kind="api")
    assert (made.params.prompt, made.params.seed, made.params.num_images) == ("a photo of a cat", 5, 2)
    assert (made.params.rendering_speed, made.params.style_reference_images) == ("DEFAULT", 2)
    assert remixed.image is not None
    assert (remixed.image.format, remixed.image.size) == ("JPEG", (60, 40))
    assert remixed.params.image_weight == 50
    assert account.calls.where(image_weight=50).last.operation == "ideogram.v3_remix"
    assert [part["name"] for part in remixed.parts] == ["prompt", "image", "num_images"]


def test_no_pixel_is_made_before_somebody_looks(stage: Stage, account: AccountHandle) -> None:
    renderer = stage.mock.app.accounts.renderer
    before = renderer.rendered
    for name in PICTURES:
        ask(stage, account, name)
    assert renderer.rendered == before


def test_the_fingerprints_of_equal_work_are_equal(stage: Stage, account: AccountHandle) -> None:
    for seed in ("1", "1", "2"):
        ask(stage, account, "v3_inpaint", seed=seed)
    ask(stage, account, "v3_inpaint", seed="1", mask=animated("PNG"))
    prints = [bill.fingerprint for bill in account.ledger]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
