"""Whether an answer is to be read, waited out, or ends the sync; and what is said of it then."""

from __future__ import annotations

from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination, Store
from reverse_etl.channel.exchange import Response
from reverse_etl.channel.meaning import BY_STATUS, Meaning, Meaningful
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.errors import SeamlineError

READABLE = Meaning("readable", ())
BARRED = (
    "it knows the credentials, and does not let them do this; `seamline check --connect` names "
    "what they need"
)


class ChannelDenied(SeamlineError):  # noqa: N818 - reads as what it says
    """The channel does not let us in, or is not who it says it is.

    ``response`` is what it answered, if it did, and ``meaning`` how that is understood.
    """

    def __init__(
        self, message: str, response: Response | None = None, meaning: Meaning = READABLE
    ) -> None:
        super().__init__(message)
        self.response = response
        self.meaning = meaning


def meanings_of(channel: Destination) -> tuple[Meaning, ...]:
    """Return what answers may ask of us: what the channel declares comes before their statuses."""
    declared = channel.meanings if isinstance(channel, Meaningful) else ()
    return (*declared, *BY_STATUS)


def meaning_of(meanings: tuple[Meaning, ...], response: Response) -> Meaning:
    """Return what an answer asks of us: the first of the meanings that fits it."""
    known = [each for each in meanings if response.status in each.statuses]
    if not known:
        return READABLE
    code, _ = complaint_of(response)
    return next((each for each in known if each.fits(response.status, code)), READABLE)


def saying(response: Response) -> str:
    """Return the vendor's code and words."""
    code, words = complaint_of(response)
    return f"{code}: {words.rstrip('.')}"


def denial(
    channel: Destination, connection: Connection, response: Response, meaning: Meaning
) -> ChannelDenied:
    """Return the error that ends a sync; secrets are doubted only where the channel doubts them."""
    secrets = secrets_of(channel, connection)
    advice = meaning.words or (BARRED if meaning.sense == "barred" else "")
    if meaning.sense == "unknown":
        advice = "; ".join(filter(None, (advice, f"check {secrets}" if secrets else "")))
    return ChannelDenied(
        f"{channel.label} answered {response.status} to connection '{connection.name}' "
        f"({saying(response)}); {advice or 'check what it asks for'}.",
        response,
        meaning,
    )


def secrets_of(channel: Destination | Store, connection: Connection) -> str:
    """Return the names of the variables that hold the connection's secrets."""
    return " and ".join(
        f"{connection.name.upper()}_{setting.name.upper()}"
        for setting in channel.settings
        if setting.secret
    )
