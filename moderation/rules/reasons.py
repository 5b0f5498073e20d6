"""The reasons that a policy lets a decision give, in the platform's own words, each with its category under the DSA."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from moderation import dsa
from moderation.rules.mistakes import Errors, error
from moderation.sentence import Sentence
from moderation.vocabulary import DecisionReason, Reason

AT_MOST = 20
LONGEST_TEXT = 60
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class ListedReason:
    """`dsa_category` and `dsa_keyword` as in `moderation.dsa`; None: the platform states none for it."""

    code: str
    text: str
    dsa_category: str | None = None
    dsa_keyword: str | None = None


FIELDS = ("code", "text", "dsa_category", "dsa_keyword")
DEFAULT_TEXTS: dict[str, str] = {
    DecisionReason.SKIN_TEXTURE: "Skin texture",
    DecisionReason.EYES_GAZE: "Eyes and gaze",
    DecisionReason.TEETH_MOUTH: "Teeth and mouth",
    DecisionReason.HAIR_EDGES: "Hair and edges",
    DecisionReason.EARS_GLASSES: "Ears, glasses",
    DecisionReason.LIGHT_SHADOW: "Light, shadow",
    DecisionReason.BACKGROUND_TEXT: "Background, text",
    DecisionReason.KNOWN_CAMPAIGN: "Known campaign",
    DecisionReason.SOMETHING_ELSE: "Something else",
}
# what was seen breaks a platform's rule on synthetic pictures; what else it may break, only the platform can say
DEFAULT_REASONS = tuple(ListedReason(str(code), text, dsa.OTHER_VIOLATION) for code, text in DEFAULT_TEXTS.items())


def listed(given: Any, place: str, errors: Errors) -> tuple[ListedReason, ...]:
    """In the order of the keys 1 to 9."""
    if not isinstance(given, list) or not 1 <= len(given) <= AT_MOST:
        errors.append(error(place, "must be a list of 1 to %(most)s reasons", most=AT_MOST))
        return ()
    found = [_one(each, f"{place}/{index}", errors) for index, each in enumerate(given)]
    for index, reason in enumerate(found):
        first = next(i for i, other in enumerate(found) if other.code == reason.code)
        if reason.code and first < index:
            errors.append(error(f"{place}/{index}/code", "stands in the list already, at %(place)s", place=first + 1))
    return tuple(found)


def _one(given: Any, place: str, errors: Errors) -> ListedReason:
    if not isinstance(given, dict) or set(given) - set(FIELDS):
        errors.append(error(place, "must be an object with %(names)s", names=", ".join(FIELDS)))
        return ListedReason("", "")
    code, text = given.get("code"), given.get("text")
    if not isinstance(code, str) or not CODE.fullmatch(code):
        errors.append(error(f"{place}/code", "must be 1 to 40 small letters, digits and _, a letter first"))
        code = ""
    elif code in set(Reason):
        errors.append(error(f"{place}/code", "is a reason code of the guard's own: choose another"))
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable():
        errors.append(error(f"{place}/text", "must be one line of 1 to %(most)s characters", most=LONGEST_TEXT))
        text = ""
    category, keyword = _statement(given.get("dsa_category"), given.get("dsa_keyword"), place, errors)
    return ListedReason(code, text.strip(), category, keyword)


def _statement(category: Any, keyword: Any, place: str, errors: Errors) -> tuple[str | None, str | None]:
    if category is None and keyword is None:
        return None, None
    keywords = dsa.KEYWORDS.get(category) if isinstance(category, str) else None
    if keywords is None:
        known = ", ".join(dsa.KEYWORDS)
        where = f"{place}/dsa_category"
        errors.append(error(where, "is no category of the DSA Transparency Database: %(known)s", known=known))
        return None, None
    if keyword is not None and keyword not in keywords:
        known = ", ".join(keywords)
        errors.append(error(f"{place}/dsa_keyword", "is no keyword of this category: %(known)s", known=known))
        return category, None
    return category, keyword


class ReasonNotListed(ValueError):
    """`places`: of the codes among those given, from 0, that the policy does not list."""

    def __init__(self, codes: Sequence[str], places: Sequence[int]) -> None:
        wrong = ", ".join(codes[place] for place in places)[:200]
        super().__init__(Sentence("the policy in force does not list %(codes)s", codes=wrong))
        self.places = tuple(places)


def allowed(codes: Sequence[str], reasons: Iterable[ListedReason]) -> list[str]:
    """Codes that a decision gives, each once. Raises ReasonNotListed."""
    known = {reason.code for reason in reasons}
    if wrong := [place for place, code in enumerate(codes) if code not in known]:
        raise ReasonNotListed(codes, wrong)
    return list(dict.fromkeys(codes))


def in_words(codes: Iterable[str], reasons: Sequence[ListedReason]) -> list[ListedReason]:
    """Codes as a policy says them. What it does not list is said as by default, else by its own name: a code that an
    older decision gave stays readable."""
    known = {reason.code: reason for reason in (*DEFAULT_REASONS, *reasons)}
    return [known.get(code) or ListedReason(code, code.replace("_", " ").capitalize()) for code in codes]


def told(reasons: Iterable[ListedReason]) -> list[Mapping[str, str | None]]:
    """As API, events and files say them."""
    return [asdict(reason) for reason in reasons]
