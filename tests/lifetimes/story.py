"""A story of each seed: of sixteen four are about who pays, one each about other companies, cash, losses and balances of before."""

from __future__ import annotations

from random import Random

from tests.lifetimes.at_a_loss import AtALoss
from tests.lifetimes.brought import BroughtForward
from tests.lifetimes.draw import Block, Story
from tests.lifetimes.lent import Lent
from tests.lifetimes.paid_by import PaidByOthers
from tests.lifetimes.settled import Settled

KINDS: dict[int, type[Story]] = {
    **dict.fromkeys((2, 6, 10, 14), PaidByOthers),
    3: Lent,
    7: Settled,
    11: AtALoss,
    15: BroughtForward,
}


def story(seed: int) -> list[Block]:
    return KINDS.get(seed % 16, Story)(Random(seed)).whole()
