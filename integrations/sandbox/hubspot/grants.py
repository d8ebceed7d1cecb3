"""Codes and tokens of the app: one installation for each account ("Working with OAuth")."""

import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Self

ACCESS_TOKEN_SECONDS = 1800
CODE_SECONDS = 600


class GrantRefused(Exception):
    """A code or refresh token that is unknown, used, expired, revoked or of an app that was uninstalled."""


@dataclass(slots=True)
class Grant:
    """The app, installed in one account; `user_id` consented."""

    account_id: int
    user_id: str
    scopes: frozenset[str]
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Code:
    """What the browser carries back from the consent page; good for one exchange."""

    account_id: int
    user_id: str
    scopes: frozenset[str]
    redirect_uri: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token for the API of one account."""

    text: str
    account_id: int
    refresh_token: str
    expires_at: float


@dataclass(slots=True)
class Grants:
    """Everything that was handed out; the clock is the caller's, in seconds."""

    by_account: dict[int, Grant] = field(default_factory=dict)
    changes: int = 0
    _codes: dict[str, Code] = field(default_factory=dict)
    _tokens: dict[str, AccessToken] = field(default_factory=dict)
    _revoked: set[str] = field(default_factory=set)  # refresh tokens

    def issue_code(
        self, *, account_id: int, user_id: str, scopes: frozenset[str], redirect_uri: str, region: str, now: float
    ) -> str:
        """Return a code for an account whose admin approved."""
        code = f"{region}-{secrets.token_hex(16)}"
        self._codes[code] = Code(account_id, user_id, scopes, redirect_uri, now + CODE_SECONDS)
        self.changes += 1
        return code

    def exchange(self, *, code: str, redirect_uri: str, region: str, now: float) -> AccessToken:
        """Return the first token for a code. Raises GrantRefused with a status of HubSpot's."""
        known = self._codes.get(code)
        if known is None or now >= known.expires_at:
            raise GrantRefused("BAD_AUTH_CODE")
        if known.redirect_uri != redirect_uri:
            raise GrantRefused("MISMATCH_REDIRECT_URI_AUTH_CODE")
        del self._codes[code]
        installed = self.by_account.get(known.account_id)
        if installed is None or installed.refresh_token in self._revoked:
            refresh_token = f"{region}-{secrets.token_hex(4)}-{secrets.token_urlsafe(24)}"
        else:
            refresh_token = installed.refresh_token
        grant = Grant(known.account_id, known.user_id, known.scopes, refresh_token)
        self.by_account[known.account_id] = grant
        return self._new_token(grant, now)

    def refresh(self, refresh_token: str, now: float) -> AccessToken:
        """Return a further access token; the refresh token stays the same. Raises GrantRefused."""
        grant = self.of_refresh_token(refresh_token)
        if grant is None:
            raise GrantRefused("BAD_REFRESH_TOKEN")
        return self._new_token(grant, now)

    def of_refresh_token(self, refresh_token: str) -> Grant | None:
        """Return the installation that a living refresh token is of."""
        if refresh_token in self._revoked:
            return None
        return next((grant for grant in self.by_account.values() if grant.refresh_token == refresh_token), None)

    def token(self, text: str) -> AccessToken | None:
        """Return an access token of an app that is still installed; it may have expired."""
        token = self._tokens.get(text)
        grant = self.by_account.get(token.account_id) if token else None
        return token if token and grant and grant.refresh_token == token.refresh_token else None

    def revoke(self, text: str) -> None:
        """End a token; a refresh token ends without uninstalling the app, and an unknown one is no error."""
        if self.of_refresh_token(text):
            self._revoked.add(text)
        self._tokens.pop(text, None)
        self.changes += 1

    def uninstall(self, account_id: int) -> bool:
        """Remove the app from an account; tell whether it was there."""
        grant = self.by_account.pop(account_id, None)
        self._codes = {text: code for text, code in self._codes.items() if code.account_id != account_id}
        self.changes += 1
        return grant is not None

    def set_scopes(self, account_id: int, scopes: frozenset[str]) -> None:
        """Change what an installation may do, at once. Raises ValueError when there is none."""
        if account_id not in self.by_account:
            raise ValueError("The app is not installed in this account.")
        self.by_account[account_id].scopes = scopes
        self.changes += 1

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold of everything that still opens something."""
        return {
            "installed": [asdict(one) | {"scopes": sorted(one.scopes)} for one in self.by_account.values()],
            "codes": [asdict(one) | {"scopes": sorted(one.scopes), "code": text} for text, one in self._codes.items()],
            "tokens": [asdict(one) for text, one in self._tokens.items() if self.token(text)],
            "revoked": sorted(self._revoked),
        }

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Self:
        """Return what a record was taken of. Raises LookupError or TypeError."""
        grants = cls(_revoked=set(record["revoked"]))
        for entry in record["installed"]:
            grants.by_account[entry["account_id"]] = Grant(**entry | {"scopes": frozenset(entry["scopes"])})
        for entry in record["codes"]:
            text = entry.pop("code")
            grants._codes[text] = Code(**entry | {"scopes": frozenset(entry["scopes"])})
        for entry in record["tokens"]:
            grants._tokens[entry["text"]] = AccessToken(**entry)
        return grants

    def _new_token(self, grant: Grant, now: float) -> AccessToken:
        token = AccessToken(
            f"C{secrets.token_urlsafe(48)}", grant.account_id, grant.refresh_token, now + ACCESS_TOKEN_SECONDS
        )
        self._tokens[token.text] = token
        self.changes += 1
        return token
