"""Authorization codes and token pairs, with Gusto's rotation of refresh tokens."""

import secrets
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

ACCESS_TOKEN_SECONDS = 7200
CODE_SECONDS = 600


class GrantRefused(Exception):
    """A code or refresh token that is unknown, spent, expired, revoked or somebody else's."""


@dataclass(slots=True)
class Grant:
    """One consent; `company_uuid` is None for a token of the application itself."""

    id: int
    client_id: str
    company_uuid: str | None
    is_revoked: bool = False


@dataclass(slots=True)
class Code:
    """What the browser carries back from the consent page; good for one exchange."""

    grant: Grant
    redirect_uri: str
    expires_at: float


@dataclass(slots=True, eq=False)
class Pair:
    """An access token and the refresh token that came with it."""

    grant: Grant
    access_token: str
    refresh_token: str | None
    expires_at: float
    previous: "Pair | None" = None
    is_revoked: bool = False


@dataclass(slots=True)
class Grants:
    """Everything that was handed out; the clock is the caller's, in seconds."""

    _codes: dict[str, Code] = field(default_factory=dict)
    _by_access_token: dict[str, Pair] = field(default_factory=dict)
    _by_refresh_token: dict[str, Pair] = field(default_factory=dict)
    _grants: list[Grant] = field(default_factory=list)

    def issue_code(self, *, client_id: str, company_uuid: str, redirect_uri: str, now: float) -> str:
        """Return a code for a company that consented."""
        grant = self._new_grant(client_id, company_uuid)
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(grant, redirect_uri, now + CODE_SECONDS)
        return code

    def exchange(self, *, code: str, client_id: str, redirect_uri: str, now: float) -> Pair:
        """Return the first pair for a code. Raises GrantRefused."""
        known = self._codes.get(code)
        if known is None or known.grant.client_id != client_id:
            raise GrantRefused
        if known.redirect_uri != redirect_uri:
            raise GrantRefused
        del self._codes[code]
        if known.grant.is_revoked or now >= known.expires_at:
            raise GrantRefused
        return self._new_pair(known.grant, now)

    def refresh(self, *, refresh_token: str, client_id: str, now: float) -> Pair:
        """Return a new pair; the old one dies when the new access token is first used.

        Raises GrantRefused.
        """
        pair = self._by_refresh_token.get(refresh_token)
        if pair is None or not self._is_alive(pair) or pair.grant.client_id != client_id:
            raise GrantRefused
        return self._new_pair(pair.grant, now, previous=pair)

    def system_pair(self, *, client_id: str, now: float) -> Pair:
        """Return a token of the application; any number may live at once."""
        return self._new_pair(self._new_grant(client_id, None), now, can_refresh=False)

    def use(self, access_token: str, now: float) -> Grant | None:
        """Return the grant of a living access token, and end the pair that it replaced."""
        pair = self._by_access_token.get(access_token)
        if pair is None or not self._is_alive(pair) or now >= pair.expires_at:
            return None
        if pair.previous is not None:
            self._revoke_pair(pair.previous)
            pair.previous = None
        return pair.grant

    def revoke_token(self, access_token: str, client_id: str) -> None:
        """Revoke the whole grant of a token; an unknown token is no error (RFC 7009)."""
        pair = self._by_access_token.get(access_token)
        if pair is not None and pair.grant.client_id == client_id:
            pair.grant.is_revoked = True

    def revoke(self, company_uuid: str | None = None) -> int:
        """Revoke every grant of a company, or of all companies; return how many that were."""
        ended = [
            grant
            for grant in self._grants
            if grant.company_uuid is not None and not grant.is_revoked and company_uuid in (None, grant.company_uuid)
        ]
        for grant in ended:
            grant.is_revoked = True
        return len(ended)

    def companies(self) -> set[str]:
        """Return the companies with a consent that has not been revoked."""
        return {grant.company_uuid for grant in self._grants if grant.company_uuid and not grant.is_revoked}

    def living(self) -> int:
        """Return how many consents have not been revoked."""
        return sum(not grant.is_revoked and grant.company_uuid is not None for grant in self._grants)

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold of everything that still opens something.

        Dead pairs are left out: whoever shows one is answered as if it had never been.
        """
        living = [pair for pair in self._by_access_token.values() if self._is_alive(pair)]
        return {
            "grants": [asdict(grant) for grant in self._grants],
            "codes": [_with_grant_id(code) | {"code": text} for text, code in self._codes.items()],
            "pairs": [_with_grant_id(pair) | {"previous": self._replaced_token(pair)} for pair in living],
        }

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Self:
        """Return what a record was taken of. Raises LookupError or TypeError."""
        restored = cls(_grants=[Grant(**grant) for grant in record["grants"]])
        by_id = {grant.id: grant for grant in restored._grants}
        for code in record["codes"]:
            text = code["code"]
            restored._codes[text] = Code(by_id[code["grant"]], code["redirect_uri"], code["expires_at"])
        for pair in record["pairs"]:
            previous = restored._by_access_token.get(pair["previous"])
            restored._enter(Pair(**pair | {"grant": by_id[pair["grant"]], "previous": previous}))
        return restored

    def _replaced_token(self, pair: Pair) -> str | None:
        """Return the access token that the first use of this pair will end."""
        previous = pair.previous
        return previous.access_token if previous and self._is_alive(previous) else None

    def _new_grant(self, client_id: str, company_uuid: str | None) -> Grant:
        grant = Grant(len(self._grants) + 1, client_id, company_uuid)
        self._grants.append(grant)
        return grant

    def _new_pair(self, grant: Grant, now: float, *, previous: Pair | None = None, can_refresh: bool = True) -> Pair:
        pair = Pair(
            grant=grant,
            access_token=secrets.token_urlsafe(32),
            refresh_token=secrets.token_urlsafe(32) if can_refresh else None,
            expires_at=now + ACCESS_TOKEN_SECONDS,
            previous=previous,
        )
        self._enter(pair)
        return pair

    def _enter(self, pair: Pair) -> None:
        self._by_access_token[pair.access_token] = pair
        if pair.refresh_token is not None:
            self._by_refresh_token[pair.refresh_token] = pair

    def _revoke_pair(self, pair: Pair) -> None:
        while not pair.is_revoked:
            pair.is_revoked = True
            if pair.previous is None:
                break
            pair = pair.previous

    @staticmethod
    def _is_alive(pair: Pair) -> bool:
        return not pair.is_revoked and not pair.grant.is_revoked


def _with_grant_id(known: Code | Pair) -> dict[str, Any]:
    """Return the fields of a code or pair, its grant as a number."""
    return {entry.name: getattr(known, entry.name) for entry in fields(known)} | {"grant": known.grant.id}
