"""Settings, with errors that name the setting."""

import json
from collections.abc import Sequence
from typing import Any


class SettingsError(Exception):
    """What is wrong with the settings, for the operator."""


class Settings:
    """The settings of a policy, read one by one; `end` refuses those that nobody read."""

    def __init__(self, text: str) -> None:
        try:
            values = json.loads(text)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise SettingsError("the settings are not a JSON object")
        self._values: dict[str, Any] = values
        self._read: set[str] = set()

    def json(self, name: str, otherwise: Any = None) -> Any:
        """A setting as it is."""
        self._read.add(name)
        return self._values.get(name, otherwise)

    def text(self, name: str, otherwise: str | None = None) -> str:
        """A text that is not empty."""
        value = self.json(name, otherwise)
        if not _is_text(value):
            raise SettingsError(f"{name}: a text is needed")
        return value

    def texts(self, name: str, otherwise: Sequence[str] | None = None) -> list[str]:
        """A list of texts, not empty."""
        value = self.json(name, None if otherwise is None else list(otherwise))
        if not isinstance(value, list) or not value or not all(map(_is_text, value)):
            raise SettingsError(f"{name}: a list of texts is needed")
        return value

    def end(self) -> None:
        """Refuses a setting that was not read."""
        for name in self._values:
            if name not in self._read:
                raise SettingsError(f"{name}: unknown setting")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""
