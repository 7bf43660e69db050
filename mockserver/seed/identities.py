"""The identities of seeded users: names, emails, zones and attributes, the same for the same seed and number."""

from __future__ import annotations

import random
import unicodedata
from typing import Any, NamedTuple

from mockserver.seed.names import name as name_of
from mockserver.seed.usage import Usage

# Numbering starts here, so that the spec's own example, `user-123`, exists.
FIRST_NUMBER = 123


class Location(NamedTuple):
    """Where somebody lives: a zone, Faker's locale for names there, and what attributes may say of it."""

    tz: str
    locale: str
    city: str
    country: str
    region: str


LOCATIONS = (
    Location("America/New_York", "en_US", "New York", "US", "us-east"),
    Location("Europe/London", "en_GB", "London", "GB", "eu-west"),
    Location("Asia/Tokyo", "ja_JP", "Tokyo", "JP", "ap-northeast"),
    Location("America/Los_Angeles", "en_US", "Los Angeles", "US", "us-west"),
    Location("Europe/Berlin", "de_DE", "Berlin", "DE", "eu-central"),
    Location("Asia/Kolkata", "en_IN", "Mumbai", "IN", "ap-south"),
    Location("America/Sao_Paulo", "pt_BR", "São Paulo", "BR", "sa-east"),
    Location("Australia/Sydney", "en_NZ", "Sydney", "AU", "ap-southeast"),
    Location("Europe/Paris", "fr_FR", "Paris", "FR", "eu-west"),
    Location("Africa/Lagos", "en_NG", "Lagos", "NG", "af-west"),
    Location("America/Chicago", "en_US", "Chicago", "US", "us-east"),
    Location("Asia/Kathmandu", "ne_NP", "Kathmandu", "NP", "ap-south"),
    Location("Europe/Stockholm", "sv_SE", "Stockholm", "SE", "eu-central"),
    Location("America/Mexico_City", "es_MX", "Mexico City", "MX", "us-west"),
    Location("Asia/Seoul", "ko_KR", "Seoul", "KR", "ap-northeast"),
    Location("Pacific/Auckland", "en_NZ", "Auckland", "NZ", "ap-southeast"),
    Location("Europe/Warsaw", "pl_PL", "Warsaw", "PL", "eu-central"),
    Location("Africa/Nairobi", "en_KE", "Nairobi", "KE", "af-west"),
    Location("America/Argentina/Buenos_Aires", "es_AR", "Buenos Aires", "AR", "sa-east"),
    Location("America/St_Johns", "en_US", "St. John's", "CA", "us-east"),
    Location("Asia/Ho_Chi_Minh", "vi_VN", "Ho Chi Minh City", "VN", "ap-southeast"),
    Location("Europe/Istanbul", "tr_TR", "Istanbul", "TR", "eu-central"),
    Location("Pacific/Kiritimati", "en_NZ", "Kiritimati", "KI", "ap-southeast"),
    Location("Pacific/Pago_Pago", "en_US", "Pago Pago", "AS", "us-west"),
)

FAMILY_NAME_FIRST = ("ja_JP", "ko_KR", "vi_VN")

_PLAIN = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "ı": "i", "đ": "d"})


def seeded_id(number: int) -> str:
    """The id of the `number`-th seeded user, counted from 0."""
    return f"user-{FIRST_NUMBER + number}"


def location(number: int) -> Location:
    return LOCATIONS[number % len(LOCATIONS)]


def time_zone(number: int) -> str | None:
    """The zone that the `number`-th user is identified with; None: by UTC, as nobody said where."""
    return None if number % 13 == 12 else location(number).tz


class Identities:
    """Names, addresses, zones and attributes of seeded users, by number."""

    def __init__(self, seed: str, usage: Usage) -> None:
        self._seed = seed
        self._usage = usage

    def identity(self, number: int) -> dict[str, Any]:
        """The fields of schema `UpsertedUser` that somebody is first identified with."""
        dice, where = random.Random(f"{self._seed}/identity/{number}"), location(number)
        name = self._name(where.locale, number)
        fields: dict[str, Any] = {"name": name, "email": _email(name, number), "tz": time_zone(number)}
        if number % 29 == 14:
            del fields["name"]
        if fields["tz"] is None:
            del fields["tz"]
        if number % 11 == 10:
            fields["subscribeToEmails"] = False
        if number % 3 == 0:
            fields["deviceTokens"] = [f"{dice.getrandbits(128):032x}"]
        fields["attributes"] = self._attributes(dice, number, where)
        return fields

    def _attributes(self, dice: random.Random, number: int, where: Location) -> dict[str, str]:
        """Valid for the catalog. The first user fits its filters; a few lack an attribute."""
        chosen = {}
        for key in self._usage.catalog.user_attributes:
            values = self._usage.values[key]
            if key in ("city", "country", "region"):
                value = str(getattr(where, key))
            else:
                value = dice.choice(values) if number else values[0]
            if number % 17 != 16 or dice.random() < 0.5:
                chosen[key] = value
        return chosen

    def _name(self, locale: str, number: int) -> str:
        """Given and family name, in the order of the place."""
        given, family = name_of(self._seed, locale, number)
        return f"{family} {given}" if locale in FAMILY_NAME_FIRST else f"{given} {family}"


def _email(name: str, number: int) -> str:
    """Under example.com, which nobody can receive mail at."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN)).encode("ascii", "ignore").decode()
    words = "".join(sign if sign.isalpha() else " " for sign in plain).split()
    return f"{'.'.join(words) or 'user'}{FIRST_NUMBER + number}@example.com"
