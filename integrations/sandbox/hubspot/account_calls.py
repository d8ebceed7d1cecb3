"""Account details and uninstalling ("Account information", "Uninstall an app")."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.wire import Response, Route, json_response


class AccountCalls:
    """What the app can ask and do about the account that it is installed in."""

    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("GET", "/account-info/{version}/details", self.details),
            dated("DELETE", "/appinstalls/{version}/external-install", self.uninstall),
        ]

    def details(self, call: Call) -> Response:
        """Describe the account."""
        account = call.account
        offset = self._hubspot.clock.now().astimezone(ZoneInfo(account.time_zone)).utcoffset() or timedelta()
        minutes = int(offset.total_seconds() // 60)
        sign = "-" if minutes < 0 else "+"
        return json_response(
            {
                "portalId": account.id,
                "accountType": account.kind,
                "timeZone": account.time_zone,
                "companyCurrency": account.currency,
                "additionalCurrencies": [],
                "utcOffset": f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
                "utcOffsetMilliseconds": minutes * 60_000,
                "uiDomain": account.ui_domain,
                "dataHostingLocation": account.hosting,
            }
        )

    def uninstall(self, call: Call) -> Response:
        """Remove the app from the account: from now on its tokens open nothing."""
        self._hubspot.grants.uninstall(call.account.id)
        return Response(204)
