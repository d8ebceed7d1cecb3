"""What a password must be: long enough; what it is made of is left to its owner."""

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import gettext as _

ADVISED_LENGTH = 15


class LengthValidator(MinimumLengthValidator):
    """Asks for a few characters at least, and advises more."""

    def get_help_text(self) -> str:
        """Return what to tell people before they choose."""
        text = _("It needs at least %(least)d characters; %(advised)d or more are better, such as a few words.")
        return text % {"least": self.min_length, "advised": ADVISED_LENGTH}
