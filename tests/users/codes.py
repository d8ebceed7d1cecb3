"""An authenticator app for tests."""

import time

from django_otp.oath import TOTP

from users import second_factors


def code_of(app):
    """Return the code that the app shows now, or the next one where this is used up; a clock may be one step ahead."""
    totp = TOTP(app.bin_key, app.step, app.t0, app.digits)
    totp.time = max(time.time(), app.t0 + (app.last_t + 1) * app.step)
    return f"{totp.token():06d}"


def set_up(user):
    """Give an account a second factor; return the app and the recovery codes."""
    app = second_factors.begin(user)
    codes = second_factors.confirm(user, code_of(app))
    return second_factors.device(user), codes
