"""Identifiers as each advertising channel wants them: normalised by its rules, then hashed.

A channel matches people by the hash of a normalised value, so one wrong character loses the match
without any error. Every rule here is the vendor's published one; where implementations in the wild
disagree, the rule says which answer it takes and why.

``""`` means: no usable identifier. It is left out of the request and **never hashed**, because
the hash of an empty text is the same for everybody and would match strangers to each other.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import phonenumbers

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ZIP_PLUS_FOUR = re.compile(r"(\d{5})-?\d{4}")
_TITLE = re.compile(r"^(?:mr|mrs|ms|dr)\.?\s+")
_SUFFIX = re.compile(r"(?:,\s*|\s+)(?:jr|sr|2nd|3rd|ii|iii|iv|cpa|dds|jd|md|phd)\.?$")
_MOBILE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NO_MOBILE_ID = "00000000-0000-0000-0000-000000000000"  # what a phone says that forbids tracking
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")
_PHONE_LIKE = re.compile(r"\+?\d{7,15}")
_GENDERS = {"f": "f", "female": "f", "m": "m", "male": "m"}


def text(value: object) -> str:
    """Return ``value`` as trimmed text, é always one letter, without characters nobody sees."""
    if value is None:
        return ""
    composed = unicodedata.normalize("NFC", str(value))
    return "".join(c for c in composed if unicodedata.category(c) != "Cf").strip()


def email(value: str, country: str = "") -> str:
    """Lower-case; dots and ``+tag`` stay. An inner space is not repaired: that may name another."""
    lowered = value.lower()
    return lowered if _EMAIL.fullmatch(lowered) else ""


def e164(value: str, country: str = "") -> str:
    """Return ``+`` and digits, or ``""``. Without ``+`` or ``00`` the ``country`` is needed.

    Digits alone are not taken for an international number: 212 555 0100 in New York would become
    a subscriber in Morocco.
    """
    international = "+" + value[2:] if value.startswith("00") else value
    try:
        number = phonenumbers.parse(international, country.upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_digits(value: str, country: str = "") -> str:
    """E.164 without the plus: digits, country code first, no leading zeros."""
    return e164(value, country).removeprefix("+")


def name(value: str, country: str = "") -> str:
    """Lower-case without punctuation; letters of every script stay as they are (``josé``)."""
    kept = (
        character for character in value.lower() if unicodedata.category(character)[0] not in "PSC"
    )
    return " ".join("".join(kept).split())


def place(value: str, country: str = "") -> str:
    """A city: a name without spaces."""
    return name(value).replace(" ", "")


def state(value: str, country: str = "") -> str:
    """A state or province; in the United States only its two-letter code is known to Meta.

    Where the country is not known it may be the United States.
    """
    normalised = place(value)
    return "" if country.upper() in ("", "US") and len(normalised) != 2 else normalised


def postcode(value: str, country: str = "") -> str:
    """Lower-case without spaces and dashes; in the United States the first five digits."""
    plus_four = _ZIP_PLUS_FOUR.fullmatch(value)
    if plus_four and country.upper() in ("", "US"):
        return plus_four.group(1)
    return re.sub(r"[\s-]", "", value.lower())


def country_code(value: str, country: str = "") -> str:
    """A lower-case ISO 3166 alpha-2 code. A name is left out: cut to two letters it is wrong."""
    return value.lower() if value.upper() in phonenumbers.SUPPORTED_REGIONS else ""


def external_id(value: str, country: str = "") -> str:
    """Our own id for the person, which leaves in clear; what may be a name or an address must not.

    An id has a digit and no space in it, and is not as many digits as a telephone number.
    """
    is_one_word = any(map(str.isdigit, value)) and not any(map(str.isspace, value))
    may_be_phone = _PHONE_LIKE.fullmatch(re.sub(r"[^\w+]", "", value))
    return value if is_one_word and "@" not in value and not may_be_phone else ""


def mobile_id(value: str, country: str = "") -> str:
    """An advertising id of a device (IDFA or GAID): a UUID in lower case, not the one of zeros."""
    lowered = value.lower()
    usable = _MOBILE_ID.fullmatch(lowered) and lowered != _NO_MOBILE_ID
    return lowered if usable else ""


def gender(value: str, country: str = "") -> str:
    """``f`` or ``m``; the vendor knows no other answer, so any other is left out."""
    return _GENDERS.get(value.lower(), "")


def part_of_date(place: int) -> Callable[[str, str], str]:
    """Return the normaliser of a date's year (1), month (2) or day (3), zero-padded digits.

    Only ISO dates are taken: 03/04/2001 is two days, according to who reads it.
    """

    def part(value: str, country: str = "") -> str:
        found = _DATE.fullmatch(value)
        if not found:
            return ""
        try:
            date.fromisoformat(value[:10])
        except ValueError:
            return ""
        return found.group(place)

    return part


def google_email(value: str, country: str = "") -> str:
    """As ``email``; at gmail.com and googlemail.com alone dots and ``+tag`` name the same box."""
    normalised = email(value)
    box, _, domain = normalised.partition("@")
    if domain not in ("gmail.com", "googlemail.com"):
        return normalised
    box = box.partition("+")[0].replace(".", "")
    return f"{box}@{domain}" if box else ""


def google_first_name(value: str, country: str = "") -> str:
    """A name without its title: ``Dr. Anna-Maria`` is ``annamaria``."""
    return name(_TITLE.sub("", value.lower()))


def google_last_name(value: str, country: str = "") -> str:
    """A name without what follows it: ``Doe, Jr.`` is ``doe``."""
    return name(_SUFFIX.sub("", value.lower()))


def clear_postcode(value: str, country: str = "") -> str:
    """A postcode as people write it, in clear: upper case, single spaces.

    One without digits, or with as many as a telephone number, may be anything and is left out.
    """
    digits = sum(map(str.isdigit, value))
    written = " ".join(value.upper().split())
    return written if 1 <= digits <= 9 and len(written) <= 10 and "@" not in written else ""


def upper_country_code(value: str, country: str = "") -> str:
    """An upper-case ISO 3166 alpha-2 code."""
    return country_code(value).upper()


@dataclass(frozen=True)
class Rule:
    """How one vendor wants one identifier: the normaliser, and whether the result is hashed.

    ``is_part``: it is only a part of the value, so that no hash of it can be known.
    """

    normalise: Callable[[str, str], str]
    hashed: bool = True
    is_part: bool = False


RULES: Mapping[str, Mapping[str, Rule]] = {
    "meta": {
        "email": Rule(email),
        "phone": Rule(phone_digits),
        "first_name": Rule(name),
        "last_name": Rule(name),
        "city": Rule(place),
        "state": Rule(state),
        "postcode": Rule(postcode),
        "country": Rule(country_code),
        "gender": Rule(gender),
        "birth_year": Rule(part_of_date(1), is_part=True),
        "birth_month": Rule(part_of_date(2), is_part=True),
        "birth_day": Rule(part_of_date(3), is_part=True),
        "mobile_id": Rule(mobile_id, hashed=False),
        "external_id": Rule(external_id, hashed=False),
    },
    "google": {
        "email": Rule(google_email),
        "phone": Rule(e164),
        "first_name": Rule(google_first_name),
        "last_name": Rule(google_last_name),
        "postcode": Rule(clear_postcode, hashed=False),
        "country": Rule(upper_country_code, hashed=False),
    },
    "tiktok": {
        "email": Rule(email),
        "phone": Rule(e164),
        "mobile_id": Rule(mobile_id),
    },
    "linkedin": {
        "email": Rule(email),
        "google_aid": Rule(mobile_id, hashed=False),
        "country": Rule(upper_country_code, hashed=False),
    },
}


def normalise(vendor: str, identifier: str, value: object, country: object = "") -> str:
    """Return ``value`` as ``vendor`` wants it before hashing, or ``""`` where it is unusable."""
    return RULES[vendor][identifier].normalise(text(value), country_code(text(country)))


def prepare(vendor: str, identifier: str, value: object, country: object = "") -> str:
    """Return what goes on the wire for one identifier, or ``""`` where it is to be left out.

    A value that is a SHA-256 hash already goes out as it is, in lower case.
    """
    rule = RULES[vendor][identifier]
    raw = text(value)
    if rule.hashed and _SHA256.fullmatch(raw.lower()):
        return "" if rule.is_part else raw.lower()
    normalised = rule.normalise(raw, country_code(text(country)))
    if not normalised or not rule.hashed:
        return normalised
    return hashlib.sha256(normalised.encode()).hexdigest()
