"""What a line of the log looks like: always one line, whatever was written into it; JSON on a server."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# What every record has; the rest was given with the message ("extra").
_OWN = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}
_BREAKS = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
# The part of an address that opens something to whoever has it; requests that fail are logged with their address.
_SECRETS = re.compile(r"(/(?:invitation|saml/finish|integrations/calendar)/)[^\s/.]+")


def without_secrets(text: str) -> str:
    """Return a text with the secret parts of our own addresses left out."""
    return _SECRETS.sub(r"\1…", text)


class OneLine(logging.Formatter):
    """For a terminal: time, level, logger and message; a traceback follows as it is."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line, so that nothing in a message can pass for a line of its own."""
        return without_secrets(super().formatMessage(record)).translate(_BREAKS)


class JsonLine(logging.Formatter):
    """For a server: an object for each entry, traceback included, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as JSON."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "process": record.process,
        }
        # Of objects, such as requests, nobody knows what they would say of themselves.
        given = {name: value for name, value in vars(record).items() if name not in _OWN}
        entry |= {name: value for name, value in given.items() if isinstance(value, str | int | float)}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)
