"""Opens a shard where its outputs end, over a store that is only a cache: what is not sound is dropped and made again."""

from collections.abc import Callable
from pathlib import Path

from state.batch import OutputProgress
from state.guards import OUTPUTS_DIFFER, STORE_DAMAGED, GuardStop
from state.shard import Shard
from state.store.snapshot import Damaged
from state.store.store import Meta, Store, is_damage

Tell = Callable[[str], None]


def silent(_message: str) -> None:
    """Whom nobody listens to."""


def open_shard(
    path: Path, open_store: Callable[[], Store], over: Callable[[Store], Shard], tell: Tell = silent
) -> Shard:
    """A store that is damaged, of another generation or ahead of what is written is dropped."""
    try:
        return _behind(path, open_store(), over)
    except Damaged as fault:
        tell(dropped(path, fault))
        Store.delete(path)
        return _behind(path, open_store(), over)


def _behind(path: Path, store: Store, over: Callable[[Store], Shard]) -> Shard:
    """Raises Damaged where the store cannot be read, is ahead of what was written, or belongs to other outputs."""
    try:
        shard = over(store)
        check_place(path, store.meta, shard.progress)
    except Exception as fault:
        store.close()
        if is_damage(fault) and not isinstance(fault, Damaged):
            raise Damaged(f"store {path}: {fault}") from fault
        raise
    return shard


def check_place(path: Path, meta: Meta, progress: OutputProgress) -> None:
    place, written = (meta.offset, meta.engagement), (progress.offset, progress.engagement)
    if place > written or meta.next_seq > progress.next_seq:
        raise Damaged(f"store {path} is ahead of the outputs")
    if meta.next_seq == progress.next_seq and meta.output_chain != progress.output_chain:
        raise Damaged(f"store {path} belongs to other outputs than those that are written")
    if place == written and (meta.next_seq, meta.input_chain) != (progress.next_seq, progress.input_chain):
        raise Damaged(f"store {path} belongs to another log than the outputs")


def dropped(path: Path, fault: Exception) -> str:
    return f"{fault}. {path} is dropped and made again from the log; nothing is lost"


class MadeAgain:
    """Stores found damaged while they are used are dropped, each once, and the log is folded again."""

    def __init__(self, tell: Tell = silent) -> None:
        self._tell = tell
        self._done: set[Path] = set()

    def may_mend(self, path: Path, fault: Exception, *, began_empty: bool) -> bool:
        """Whether the store is to blame and may be dropped. Raises GuardStop where it was made again before."""
        is_other = isinstance(fault, GuardStop) and fault.code == OUTPUTS_DIFFER and not began_empty
        if not is_damage(fault) and not is_other:
            return False
        if path in self._done:
            if is_other:
                return False
            raise GuardStop(
                STORE_DAMAGED,
                f"store {path} was made again from the log and is damaged once more ({fault}); what is committed stays. "
                "Check the disk and the memory of the machine before running again",
            ) from fault
        self._done.add(path)
        self._tell(dropped(path, fault))
        return True
