"""What can go wrong on command: each fault replaces or spoils answers that it fits."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from integrations.sandbox.refusals import CHALLENGE, refusal
from integrations.sandbox.wire import HTML_TYPE, Request, Response

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
_MAINTENANCE_PAGE = b"<html><body><h1>We will be right back</h1></body></html>"

KINDS = {
    "429": "Too many requests",
    "500": "Internal error",
    "502": "Bad gateway, as an HTML page",
    "503": "Unavailable, empty body",
    "401": "Unauthorized, empty body",
    "403": "Forbidden",
    "404": "Not found",
    "409": "Conflict",
    "414": "Address too long",
    "423": "Locked",
    "477": "Moving to another data center",
    "slow": "Late answer",
    "drop": "Connection dropped without an answer",
    "lose_reply": "Done, but the connection dropped before the answer",
    "partial": "Every tenth row of a batch fails",
    "truncate": "Body cut in the middle",
    "not_json": "Status 200 with an HTML page",
    "oversize": "Far too large a body",
    "empty_list": "A list without anybody",
    "wrong_total": "Wrong count in X-Total-Count",
    "page_shift": "Somebody removed between two pages",
    "redirect": "Redirect (307)",
}
_REPLACEMENTS: dict[str, Callable[[], Response]] = {
    "429": lambda: refusal(429, "rate_limit_exceeded", "Too many requests.").response,
    "500": lambda: refusal(500, "internal_error", "An unexpected error has occurred.").response,
    "502": lambda: Response(502, _GATEWAY_PAGE, content_type=HTML_TYPE),
    "503": lambda: Response(503),
    "401": lambda: Response(401, headers={"WWW-Authenticate": CHALLENGE}),
    "403": lambda: refusal(403, "forbidden", "This is not allowed.").response,
    "404": lambda: refusal(404, "not_found", "The requested resource was not found.").response,
    "409": lambda: refusal(409, "conflict", "The resource was changed meanwhile.").response,
    "414": lambda: Response(414),
    "423": lambda: refusal(423, "locked", "The resource is locked.").response,
    "477": lambda: Response(477),
    "not_json": lambda: Response(200, _MAINTENANCE_PAGE, content_type=HTML_TYPE),
    "redirect": lambda: Response(307, headers={"Location": "/oauth/elsewhere"}),  # answers 404
    "drop": lambda: Response(is_dropped=True),
}
_KINDS_FOR_LISTS = frozenset(("empty_list", "page_shift", "wrong_total"))


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, `times` answers long or with `probability` until cleared.

    `path` is the beginning of the paths that it hits (without one: whatever the kind makes sense
    for), `page` the page number. `seconds` is how
    late "slow" is; `retry_after` is the header of "429" as it is sent, none when empty, and
    `seconds` when not given; `size` is how many bytes "oversize" adds.
    """

    kind: str
    times: int | None = 1
    probability: float = 1.0
    path: str | None = None
    page: int | None = None
    seconds: float = 1.0
    retry_after: str | None = None
    size: int = 64_000_000
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault {self.kind!r}; known: {', '.join(KINDS)}.")
        if not 0 < self.probability <= 1:
            raise ValueError("The probability has to be above 0 and at most 1.")

    def fits(self, request: Request) -> bool:
        """Tell whether the fault is meant for this request."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.page is not None and request.query.get("page") != str(self.page):
            return False
        if self.kind == "partial" and "/batch/" not in request.path:
            return False
        if self.path is not None:
            return request.path.startswith(self.path)
        if self.kind in _KINDS_FOR_LISTS:
            return request.path.endswith("/employees")
        return request.path.startswith("/oauth/token" if self.kind == "redirect" else "/v1/")

    def replacement(self) -> Response | None:
        """Return the answer that is sent instead of asking the world, or None."""
        make = _REPLACEMENTS.get(self.kind)
        if make is None:
            return None
        response = make()
        if self.kind == "429" and self.retry_after != "":
            response.headers["Retry-After"] = self.retry_after or f"{self.seconds:g}"
        return response

    def spoil(self, response: Response) -> None:
        """Change a real answer for the worse."""
        match self.kind:
            case "slow":
                response.wait_seconds = self.seconds
            case "truncate":
                response.is_cut = True
            case "lose_reply":
                response.is_dropped = True
            case "oversize":
                response.body += b" " * self.size
            case "wrong_total" if "X-Total-Count" in response.headers:
                response.headers["X-Total-Count"] = str(int(response.headers["X-Total-Count"]) + 7)
            case "empty_list":
                response.body = b"[]"
                if "X-Total-Count" in response.headers:
                    response.headers |= {"X-Total-Count": "0", "X-Total-Pages": "0"}


@dataclass(slots=True)
class Faults:
    """The faults that are switched on, oldest first."""

    seed: int
    active: list[Fault] = field(default_factory=list)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def pick(self, request: Request) -> Fault | None:
        """Return the first fault that hits this request and count the hit."""
        for fault in self.active:
            if fault.fits(request) and self._chance.random() < fault.probability:
                fault.hits += 1
                if fault.times is not None and fault.hits >= fault.times:
                    self.active.remove(fault)
                return fault
        return None
