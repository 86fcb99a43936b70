"""A story of each seed: of four one is about who pays."""

from __future__ import annotations

from random import Random

from tests.lifetimes.draw import Block, Story
from tests.lifetimes.paid_by import PaidByOthers


def story(seed: int) -> list[Block]:
    kind = PaidByOthers if seed % 4 == 2 else Story
    return kind(Random(seed)).whole()
