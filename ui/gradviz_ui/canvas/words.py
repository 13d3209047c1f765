"""The words on cards in the person's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from gradviz.projection.cards import Words


def card_words() -> Words:
    """The words of `Card`s, translated."""
    translate = QCoreApplication.translate
    return Words(
        freed=translate("Card", "freed"),
        raised=translate("Card", "raised"),
        leaf=translate("Card", "leaf"),
        waits=translate("Card", "waits for {count}"),
        sums=translate("Card", "×{count} sums"),
        zeroed=translate("Card", "zeroed"),
    )
