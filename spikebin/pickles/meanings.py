"""The one table of what mozaik's pickles name: every global, and every text, that means something to a reader here.

The restricted unpickler admits these globals and no other; the interpreter of segments makes of each what the table
says, a name of kernels/values.py. To support a new neo, numpy or quantities, see docs/pickles.md.
"""

from __future__ import annotations

__all__ = ["ALIASES", "GLOBALS", "WORDS"]

GLOBALS = {
    # Numbers and arrays.
    "numpy.core.multiarray._reconstruct": "ARRAY",
    "numpy.core.multiarray.scalar": "SCALAR",
    "numpy.core.numeric._frombuffer": "BUFFER",
    "numpy.dtype": "DTYPE",
    "numpy.ndarray": "INERT",
    # Numbers with a unit.
    "quantities.dimensionality.Dimensionality": "DIMENSIONALITY",
    "quantities.quantity.Quantity": "INERT",
    "quantities.quantity._reconstruct_quantity": "QUANTITY",
    "quantities.unitquantity.UnitCurrent": "INERT",
    "quantities.unitquantity.UnitLength": "INERT",
    "quantities.unitquantity.UnitMass": "INERT",
    "quantities.unitquantity.UnitQuantity": "INERT",
    "quantities.unitquantity.UnitTime": "UNIT",
    # What a segment is made of.
    "neo.core.segment.Segment": "SEGMENT",
    "neo.core.spiketrain._new_spiketrain": "TRAIN",
    "neo.core.spiketrain.SpikeTrain": "INERT",
    "neo.core.spiketrainlist.SpikeTrainList": "TRAINS",
    # What else neo and mozaik put beside it, or into the index.
    "mozaik.storage.neo_neurotools_wrapper.PickledDataStoreNeoWrapper": "INERT",
    "neo.core.analogsignal.AnalogSignal": "INERT",
    "neo.core.analogsignal._new_AnalogSignalArray": "INERT",
    "neo.core.block.Block": "INERT",
    "neo.core.dataobject.ArrayDict": "INERT",
    "neo.core.dataobject._normalize_array_annotations": "INERT",
    "neo.core.epoch.Epoch": "INERT",
    "neo.core.event.Event": "INERT",
    "neo.core.group.Group": "INERT",
    "neo.core.imagesequence.ImageSequence": "INERT",
    "neo.core.irregularlysampledsignal.IrregularlySampledSignal": "INERT",
    "neo.core.objectlist.ObjectList": "INERT",
    "neo.core.view.ChannelView": "INERT",
    # Python's own.
    "_codecs.encode": "ENCODE",
    "builtins.bytes": "EMPTY_BYTES",
    "builtins.dict": "INERT",
    "copyreg._reconstructor": "INERT",
    "datetime.datetime": "INERT",
}
"""Every global that the pickles of mozaik hold, with neo 0.9 to 0.14, numpy 1 and 2, protocols 2 to 5: its name in
Python 3 and numpy 1, and what it means. INERT: nothing about it matters but that it is there."""

ALIASES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
}
"""The same modules under the names that Python 2 (protocols 0 to 2) and numpy 2 give them."""

WORDS = {
    # Units of time, as quantities names them.
    "second": "SECOND",
    "millisecond": "MILLISECOND",
    "microsecond": "MICROSECOND",
    # Types and orders, as numpy names them.
    "f8": "F8",
    "i8": "I8",
    "<": "LITTLE",
    "C": "C_ORDER",
    # How protocol 2 spells bytes.
    "latin1": "LATIN1",
    # Keys of a segment's state and annotations, and of a train's annotations.
    "annotations": "ANNOTATIONS",
    "sheet_name": "SHEET_NAME",
    "stimulus": "STIMULUS",
    "spiketrains": "SPIKETRAINS",
    "_spiketrains": "OWN_SPIKETRAINS",
    "_items": "ITEMS",
    "source_id": "SOURCE_ID",
    "channel_id": "CHANNEL_ID",
}
"""Every text that means something to the interpreter. Other texts are read, checked and passed over."""
