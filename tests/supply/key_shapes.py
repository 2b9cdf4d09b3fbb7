"""`python -m tests.supply.key_shapes WHEEL`: takes the shapes of keys from a release of CredSweeper (MIT).

Writes them beside `fauxscale/credentials.py`. Taken is what a shape alone tells: patterns with a beginning of their
own; not what CredSweeper asks further tests of, words before a value, or a dictionary.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are another package

PLACE = Path(__file__).parents[2] / "mockserver" / "fauxscale" / "key_shapes.json"
# Too like other text without CredSweeper's further tests: ids, names of hosts, base64 of any kind.
LEFT_OUT = {
    "1Password Account Token",
    "UUID", "DOC_GET", "DOC_CREDENTIALS", "SECRET_PAIR", "PASSWD_PAIR", "IP_ID_PASSWORD_TRIPLE", "ID_PAIR_PASSWD_PAIR",
    "ID_PASSWD_PAIR",
    "AWS S3 Bucket", "BASE64 Private Key", "BASE64 encoded PEM Private Key", "Basic Authorization",
    "Bearer Authorization", "CMD ConvertTo-SecureString",
    "CMD Password", "CMD Secret", "CMD Token", "CURL Options", "CURL User Password", "Composio Credentials",
    "Discord Bot Token", "Dropbox API secret (long term)", "Dropbox App secret", "Dropbox OAuth2 API Access Token",
    "Facebook Access Token", "Facebook App Token", "Firebase Domain", "Google OAuth Refresh Token",
    "Grafana Provisioned API Key",
    "Jira / Confluence PAT token", "JSON Web Key", "MailGun API Key", "NKEY Seed", "OTP / 2FA Secret",
    "Product Activation Key", "SQL Password", "Salesforce Credentials",
    "Square Access Token", "Tencent WeChat API App ID", "Twilio Credentials",
    "URL Credentials",
}  # fmt: skip
# What CredSweeper wants before some values. Here no key begins amid what could be one, so that a long text is looked
# through once; an escape (`\n`) before it is no part of it.
BEFORE = re.compile(r"^\(\?:\^\|/\|\[.*?\\x1B\\\[\[0-9;\]\{0,80\}m\)")
APART = r"(?:(?<![0-9A-Za-z_-])|(?<=\\[abfnrtv0]))"


def shapes(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules that are told by a shape: name, what a text must hold, and the pattern of the key."""
    found: list[dict[str, Any]] = []
    for rule in rules:
        if rule["name"] in LEFT_OUT or rule["type"] not in ("pattern", "pem_key"):
            continue
        pattern = APART + BEFORE.sub("", rule["values"][0])
        # A private key is all of its lines, and cut off ones as well.
        if rule["type"] == "pem_key":
            pattern = r"(?P<value>-----BEGIN[A-Z ]{0,40} PRIVATE KEY[A-Z ]{0,10}-----[0-9A-Za-z+/=\\\s:,-]{0,20000})"
        # Telegram's tokens go on with AA, which is what CredSweeper looks for.
        pattern = pattern.replace("[0-9]{8,10}:[0-9A-Za-z_-]{35}", "[0-9]{8,10}:AA[0-9A-Za-z_-]{33}")
        signs = ["PRIVATE KEY"] if rule["type"] == "pem_key" else rule["required_substrings"]
        re.compile(pattern)
        found.append({"name": rule["name"], "signs": signs, "pattern": pattern})
    return found


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        rules = yaml.safe_load(archive.read("credsweeper/rules/config.yaml"))
        licence = next(name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        PLACE.with_suffix(".LICENSE").write_bytes(archive.read(licence))
    version = Path(wheel).name.split("-")[1]
    source = f"CredSweeper {version}, rules/config.yaml, Copyright (c) 2021 SAMSUNG, MIT (key_shapes.LICENSE)"
    made = {"source": source, "shapes": shapes(rules)}
    PLACE.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(made['shapes'])} shapes of {version}")


if __name__ == "__main__":
    main(sys.argv[1])
