import pytest
from cryptography.fernet import Fernet

from portals import sealing

PLACE = "integrations_grant.access_token.row-1"


@pytest.fixture
def keys(settings):
    settings.ROLLCALL_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    return settings.ROLLCALL_ENCRYPTION_KEYS


class TestSeal:
    def test_gives_the_text_back_at_its_place(self, keys):
        sealed = sealing.seal("a token\nwith two lines", place=PLACE)

        assert "token" not in sealed
        assert sealing.unseal(sealed, place=PLACE) == "a token\nwith two lines"

    @pytest.mark.parametrize(
        "place",
        [
            "integrations_grant.access_token.row-2",
            "integrations_grant.refresh_token.row-1",
            "integrations_consentrequest.access_token.row-1",
            "",
        ],
    )
    def test_is_refused_at_another_place(self, keys, place):
        sealed = sealing.seal("secret", place=PLACE)

        with pytest.raises(sealing.SealBroken, match="another place"):
            sealing.unseal(sealed, place=place)

    @pytest.mark.parametrize("sealed", ["", "secret", "gAAAAA"])
    def test_refuses_what_was_never_sealed(self, keys, sealed):
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(sealed, place=PLACE)

    def test_refuses_a_text_that_was_changed(self, keys):
        sealed = sealing.seal("secret", place=PLACE)

        with pytest.raises(sealing.SealBroken):
            sealing.unseal(sealed[:-6] + "AAAAA=", place=PLACE)

    def test_says_nothing_of_the_secret_when_it_refuses(self, keys):
        sealed = sealing.seal("secret", place=PLACE)

        with pytest.raises(sealing.SealBroken) as refusal:
            sealing.unseal(sealed, place="elsewhere")

        assert "secret" not in str(refusal.value)


class TestKeyRing:
    def test_opens_what_an_older_key_sealed(self, keys, settings):
        sealed = sealing.seal("secret", place=PLACE)

        settings.ROLLCALL_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *keys]

        assert sealing.unseal(sealed, place=PLACE) == "secret"

    def test_no_longer_needs_the_older_key_after_resealing(self, keys, settings):
        sealed = sealing.seal("secret", place=PLACE)
        newest = Fernet.generate_key().decode()
        settings.ROLLCALL_ENCRYPTION_KEYS = [newest, *keys]

        resealed = sealing.reseal(sealed)

        settings.ROLLCALL_ENCRYPTION_KEYS = [newest]
        assert sealing.unseal(resealed, place=PLACE) == "secret"
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(sealed, place=PLACE)

    @pytest.mark.parametrize("wrong", [[], ["short"], [Fernet.generate_key().decode(), "short"]])
    def test_is_checked_for_its_form(self, wrong):
        with pytest.raises(ValueError):  # noqa: PT011 - any will do
            sealing.check_keys(wrong)
