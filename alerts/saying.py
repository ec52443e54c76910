"""One thing said to people in both languages. Pure."""

import msgspec


class Saying(msgspec.Struct, frozen=True):
    """One thing said to people, in both languages."""

    zh: str
    en: str

    def of(self, lang: str) -> str:
        """What it says in this language: `en`, else Chinese."""
        return self.en if lang == "en" else self.zh
