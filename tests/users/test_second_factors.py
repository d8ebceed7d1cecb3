"""Codes of an app and recovery codes: set up, used once, slowed down after wrong ones."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.factories.users import AdminFactory
from tests.users.codes import code_of, set_up
from users import second_factors

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    """Someone who may have a second factor."""
    return AdminFactory().user


class TestConfirm:
    def test_turns_it_on_by_the_first_code(self, admin):
        app = second_factors.begin(admin)
        assert not second_factors.is_set_up(admin)

        codes = second_factors.confirm(admin, code_of(app))

        assert second_factors.is_set_up(admin)
        assert len(set(codes)) == second_factors.RECOVERY_CODES

    def test_refuses_a_wrong_code(self, admin):
        second_factors.begin(admin)

        assert second_factors.confirm(admin, "000000") is None
        assert not second_factors.is_set_up(admin)

    def test_replaces_the_app_of_before(self, admin):
        old, _codes = set_up(admin)
        new = second_factors.begin(admin)

        assert second_factors.confirm(admin, code_of(new)) is not None

        assert list(TOTPDevice.objects.filter(user=admin)) == [new]
        assert second_factors.verify(admin, code_of(old)) is None

    def test_leaves_the_app_of_before_while_the_new_one_is_unconfirmed(self, admin):
        old, _codes = set_up(admin)

        second_factors.begin(admin)

        assert second_factors.verify(admin, code_of(old)) == old


class TestVerify:
    def test_takes_a_code_once(self, admin):
        app, _codes = set_up(admin)
        code = code_of(app)

        assert second_factors.verify(admin, f"{code[:3]} {code[3:]}") == app
        assert second_factors.verify(admin, code) is None

    def test_takes_a_recovery_code_once(self, admin):
        _app, codes = set_up(admin)

        assert second_factors.verify(admin, codes[0].upper()) is not None
        assert second_factors.verify(admin, codes[0]) is None
        assert second_factors.recovery_codes_left(admin) == second_factors.RECOVERY_CODES - 1

    def test_refuses_codes_of_somebody_else(self, admin):
        stranger = AdminFactory().user
        app, codes = set_up(stranger)
        set_up(admin)

        assert second_factors.verify(admin, code_of(app)) is None
        assert second_factors.verify(admin, codes[0]) is None

    def test_refuses_everything_without_a_second_factor(self, admin):
        assert second_factors.verify(admin, "123456") is None

    def test_refuses_old_codes(self, admin):
        app, _codes = set_up(admin)
        code = code_of(app)

        with time_machine.travel(timezone.now() + timedelta(minutes=5)):
            assert second_factors.verify(admin, code) is None


class TestWait:
    def test_doubles_with_each_wrong_code(self, admin):
        set_up(admin)
        start, waits = timezone.now(), []
        assert second_factors.wait(admin, "000000", now=start) is None

        with time_machine.travel(start, tick=False) as clock:
            for _ in range(4):
                second_factors.verify(admin, "000000")
                wait = second_factors.wait(admin, "000000", now=timezone.now())
                waits.append(wait.total_seconds())
                clock.shift(wait)

        assert waits == [1, 2, 4, 8]

    def test_refuses_the_right_code_meanwhile(self, admin):
        app, _codes = set_up(admin)

        with time_machine.travel(timezone.now(), tick=False):
            second_factors.verify(admin, "000000")

            assert second_factors.verify(admin, code_of(app)) is None

    def test_leaves_recovery_codes_free_after_wrong_codes_of_the_app(self, admin):
        _app, codes = set_up(admin)

        with time_machine.travel(timezone.now(), tick=False):
            second_factors.verify(admin, "000000")

            assert second_factors.verify(admin, codes[0]) is not None


class TestRemove:
    def test_deletes_app_and_recovery_codes(self, admin):
        set_up(admin)

        assert second_factors.remove(admin)

        assert not second_factors.is_set_up(admin)
        assert not StaticToken.objects.exists()
        assert not second_factors.remove(admin)


class TestQrCode:
    def test_is_a_picture_that_a_strict_page_may_show(self, admin):
        app = second_factors.begin(admin)

        assert second_factors.qr_code(app, issuer="Harbor & Pine").startswith("data:image/svg+xml")

    def test_has_its_secret_as_text_too(self, admin):
        app = second_factors.begin(admin)

        assert len(second_factors.secret(app).replace(" ", "")) == 32
