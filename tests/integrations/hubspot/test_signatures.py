"""Signatures of HubSpot's requests: published and computed ones hold, and nothing else does."""

import json
from pathlib import Path

import pytest

from integrations.hubspot import signatures
from integrations.hubspot.signatures import MOST_AGE, Request

CASES = json.loads(Path(__file__).with_name("signature_cases.json").read_text(encoding="utf-8"))
KNOWN = {case["name"]: case for case in CASES["cases"]}
DATED = KNOWN["action-v3"]
SENT = int(DATED["timestamp"])


def is_signed(case, *, now=None):
    request = Request(case["method"], case["uri"], case["body"].encode())
    signature, secret = case["signature"], case["secret"]
    if case["version"] == "v1":
        return signatures.is_v1(signature, secret=secret, request=request)
    if case["version"] == "v2":
        return signatures.is_v2(signature, secret=secret, request=request)
    timestamp = case["timestamp"] or ""
    moment = now if now is not None else int(timestamp) + 1000
    return signatures.is_v3(signature, secret=secret, request=request, timestamp=timestamp, now=moment)


def named(cases):
    return [pytest.param(case, id=case["name"]) for case in cases]


class TestIsSigned:
    def test_knows_every_case(self):
        assert (len(CASES["cases"]), len(CASES["refusals"])) == (22, 14)

    @pytest.mark.parametrize("case", named(CASES["cases"]))
    def test_takes_what_hubspot_signed(self, case):
        assert is_signed(case)

    @pytest.mark.parametrize("case", named(CASES["refusals"]))
    def test_takes_nothing_else(self, case):
        changed = {**KNOWN[case["like"]], **case}

        assert is_signed(changed, now=case.get("now")) is case["is_valid"]

    @pytest.mark.parametrize("name", ["webhook-v1-batch", "action-v2", "action-v3"])
    def test_takes_nothing_without_a_secret(self, name):
        case = KNOWN[name] | {"secret": ""}
        request = Request(case["method"], case["uri"], case["body"].encode())
        forged = {
            "v1": signatures.v1("", request),
            "v2": signatures.v2("", request),
            "v3": signatures.v3("", request, case.get("timestamp", "")),
        }

        assert not is_signed(case | {"signature": forged[case["version"]]})

    @pytest.mark.parametrize("signature", ["wFJhy\u00e9", "\u2603", "\udcff", "\0"])
    def test_survives_any_characters(self, signature):
        for name in ("webhook-v1-batch", "action-v2", "action-v3"):
            assert not is_signed(KNOWN[name] | {"signature": signature})


class TestAge:
    @pytest.mark.parametrize("age", [0, MOST_AGE, -MOST_AGE])
    def test_may_be_five_minutes_either_way(self, age):
        assert is_signed(DATED, now=SENT + age)

    @pytest.mark.parametrize("age", [MOST_AGE + 1, -MOST_AGE - 1])
    def test_may_not_be_more(self, age):
        assert not is_signed(DATED, now=SENT + age)

    @pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e12", "١٧٦٣٧٠٠٠٠٠٠٠٠", "9" * 5000, " 1763700000000"])
    def test_needs_a_date_that_can_be_read(self, timestamp):
        assert not is_signed(DATED | {"timestamp": timestamp}, now=SENT)


class TestDecoded:
    @pytest.mark.parametrize("case", named([case for case in CASES["cases"] if "signed_uri" in case]))
    def test_undoes_the_documented_escapes_only(self, case):
        assert signatures.decoded(case["uri"]) == case["signed_uri"]

    def test_undoes_each_escape_once(self):
        assert signatures.decoded("/a?b=%2540&c=%253A") == "/a?b=%2540&c=%253A"
