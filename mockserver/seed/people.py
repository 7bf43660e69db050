"""Who lives in a seeded world: names, emails, zones and attributes, the same for the same seed and number."""

from __future__ import annotations

import random
import unicodedata
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from mockserver.seed.customs import Customs

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

_PLAIN = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "ı": "i", "đ": "d"})


def user_id(number: int) -> str:
    """The id of the `number`-th seeded user, counted from 0."""
    return f"user-{FIRST_NUMBER + number}"


def home(number: int) -> Home:
    return HOMES[number % len(HOMES)]


def identity(seed: str, number: int, customs: Customs) -> dict[str, Any]:
    """The fields of schema `UpsertedUser` that somebody is first identified with."""
    dice, where = random.Random(f"{seed}/identity/{number}"), home(number)
    name = _name(where.locale, f"{seed}/name/{number}")
    fields: dict[str, Any] = {"name": name, "email": _email(name, number), "tz": where.tz}
    if number % 13 == 12:
        del fields["tz"]  # lives by UTC
    if number % 11 == 10:
        fields["subscribeToEmails"] = False
    if number % 3 == 0:
        fields["deviceTokens"] = [f"{dice.getrandbits(128):032x}"]
    fields["attributes"] = _attributes(dice, number, where, customs)
    return fields


def _attributes(dice: random.Random, number: int, where: Home, customs: Customs) -> dict[str, str]:
    """Valid for the catalog. The first person fits its filters; a few lack an attribute."""
    chosen = {}
    for key in customs.catalog.user_attributes:
        values = customs.values[key]
        if key in ("city", "country", "region"):
            value = str(getattr(where, key))
        elif number == 0:
            value = values[0]
        else:
            value = dice.choice(values)
        if number % 17 != 16 or dice.random() < 0.5:
            chosen[key] = value
    return chosen


def _name(locale: str, seed: str) -> str:
    faker = _faker(locale)
    faker.seed_instance(seed)
    first, last = str(faker.first_name()), str(faker.last_name())
    return f"{last} {first}" if locale in ("ja_JP", "ko_KR", "vi_VN") else f"{first} {last}"


def _email(name: str, number: int) -> str:
    """Under example.com, which nobody can receive mail at."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN)).encode("ascii", "ignore").decode()
    words = "".join(sign if sign.isalpha() else " " for sign in plain).split()
    return f"{'.'.join(words) or 'user'}{FIRST_NUMBER + number}@example.com"


@cache
def _faker(locale: str) -> Any:
    """A Faker that knows the people of one place: only their names are loaded, the rest would take too long."""
    from faker import Generator

    generator: Any = Generator()
    generator.add_provider(import_module(f"faker.providers.person.{locale}").Provider)
    return generator
