"""Calls to AIgateway."""

from __future__ import annotations

MODEL = "ideogram/ideogram-upscale"
