"""Who lives in a seeded world: names, emails, zones and attributes, the same for the same seed and number."""

from __future__ import annotations

import random
import unicodedata
from typing import Any, NamedTuple

from mockserver.seed.customs import Customs
from mockserver.seed.names import name as name_of

# Numbering starts here, so that the document's own example, `user-123`, exists.
FIRST_NUMBER = 123


class Home(NamedTuple):
    """Where somebody lives: a zone, Faker's locale for names there, and what attributes may say of it."""

    tz: str
    locale: str
    city: str
    country: str
    region: str


HOMES = (
    Home("America/New_York", "en_US", "New York", "US", "us-east"),
    Home("Europe/London", "en_GB", "London", "GB", "eu-west"),
    Home("Asia/Tokyo", "ja_JP", "Tokyo", "JP", "ap-northeast"),
    Home("America/Los_Angeles", "en_US", "Los Angeles", "US", "us-west"),
    Home("Europe/Berlin", "de_DE", "Berlin", "DE", "eu-central"),
    Home("Asia/Kolkata", "en_IN", "Mumbai", "IN", "ap-south"),
    Home("America/Sao_Paulo", "pt_BR", "São Paulo", "BR", "sa-east"),
    Home("Australia/Sydney", "en_NZ", "Sydney", "AU", "ap-southeast"),
    Home("Europe/Paris", "fr_FR", "Paris", "FR", "eu-west"),
    Home("Africa/Lagos", "en_NG", "Lagos", "NG", "af-west"),
    Home("America/Chicago", "en_US", "Chicago", "US", "us-east"),
    Home("Asia/Kathmandu", "ne_NP", "Kathmandu", "NP", "ap-south"),
    Home("Europe/Stockholm", "sv_SE", "Stockholm", "SE", "eu-central"),
    Home("America/Mexico_City", "es_MX", "Mexico City", "MX", "us-west"),
    Home("Asia/Seoul", "ko_KR", "Seoul", "KR", "ap-northeast"),
    Home("Pacific/Auckland", "en_NZ", "Auckland", "NZ", "ap-southeast"),
    Home("Europe/Warsaw", "pl_PL", "Warsaw", "PL", "eu-central"),
    Home("Africa/Nairobi", "en_KE", "Nairobi", "KE", "af-west"),
    Home("America/Argentina/Buenos_Aires", "es_AR", "Buenos Aires", "AR", "sa-east"),
    Home("America/St_Johns", "en_US", "St. John's", "CA", "us-east"),
    Home("Asia/Ho_Chi_Minh", "vi_VN", "Ho Chi Minh City", "VN", "ap-southeast"),
    Home("Europe/Istanbul", "tr_TR", "Istanbul", "TR", "eu-central"),
    Home("Pacific/Kiritimati", "en_NZ", "Kiritimati", "KI", "ap-southeast"),
    Home("Pacific/Pago_Pago", "en_US", "Pago Pago", "AS", "us-west"),
)

FAMILY_NAME_FIRST = ("ja_JP", "ko_KR", "vi_VN")

_PLAIN = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "ı": "i", "đ": "d"})


def user_id(number: int) -> str:
    """The id of the `number`-th seeded user, counted from 0."""
    return f"user-{FIRST_NUMBER + number}"


def home(number: int) -> Home:
    return HOMES[number % len(HOMES)]


def time_zone(number: int) -> str | None:
    """The zone that the `number`-th user is identified with; None: by UTC, as nobody said where."""
    return None if number % 13 == 12 else home(number).tz


class People:
    """Who the seed makes people be, number by number."""

    def __init__(self, seed: str, customs: Customs) -> None:
        self._seed = seed
        self._customs = customs

    def identity(self, number: int) -> dict[str, Any]:
        """The fields of schema `UpsertedUser` that somebody is first identified with."""
        dice, where = random.Random(f"{self._seed}/identity/{number}"), home(number)
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

    def _attributes(self, dice: random.Random, number: int, where: Home) -> dict[str, str]:
        """Valid for the catalog. The first person fits its filters; a few lack an attribute."""
        chosen = {}
        for key in self._customs.catalog.user_attributes:
            values = self._customs.values[key]
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
