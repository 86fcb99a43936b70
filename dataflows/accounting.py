"""The main dataflow: engagement log in; postings, statements, forecasts and exceptions out."""

from collections.abc import Callable

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from operators.accounting import Batch, Effects


def build(log: Source[Batch], fold: Callable[[list[Batch]], list[Effects]], outputs: Sink[Effects]) -> Dataflow:
    """Fold the engagement log into postings, statements, forecasts and exceptions."""
    flow = Dataflow("accounting")
    batches = op.input("log", flow, log)
    effects = op.flat_map_batch("fold", batches, fold)
    op.output("outputs", effects, outputs)
    return flow
