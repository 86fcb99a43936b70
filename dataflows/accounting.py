"""The main dataflow: engagement log in; postings, statements, forecasts and exceptions out."""

from collections.abc import Callable
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from state.shard import Encoded, Mark


def build(
    log: Source[Any], fold: Callable[[list[Any]], list[Encoded | Mark]], outputs: Sink[Encoded | Mark]
) -> Dataflow:
    """Fold the engagement log into postings, statements, forecasts and exceptions."""
    flow = Dataflow("accounting")
    records = op.input("log", flow, log)
    effects = op.flat_map_batch("fold", records, fold)
    op.output("outputs", effects, outputs)
    return flow
