"""The lab's data: records read from files, cleaned, split, and laid out on disk for training. No PyTorch in it."""

from causette.lab.data.cleaning import Cleaner, CleaningReport, Removed
from causette.lab.data.decontamination import EvaluationTexts, Overlap
from causette.lab.data.manifest import Manifest, SourceFile
from causette.lab.data.packing import IGNORED, NO_DOCUMENT, Batch, Packed
from causette.lab.data.prepared import Part, Prepared
from causette.lab.data.preparing import Encode, prepare
from causette.lab.data.problems import BadData, Place, Problem, Problems
from causette.lab.data.reading import BadRows, Row, read, read_texts
from causette.lab.data.splitting import is_held_out
from causette.lab.data.stage import HELD_OUT, TRAIN, DataConfig, DataReport, Source, read_report, run
from causette.lab.data.statistics import Statistics

__all__ = [
    "HELD_OUT",
    "IGNORED",
    "NO_DOCUMENT",
    "TRAIN",
    "BadData",
    "BadRows",
    "Batch",
    "Cleaner",
    "CleaningReport",
    "DataConfig",
    "DataReport",
    "Encode",
    "EvaluationTexts",
    "Manifest",
    "Overlap",
    "Packed",
    "Part",
    "Place",
    "Prepared",
    "Problem",
    "Problems",
    "Removed",
    "Row",
    "Source",
    "SourceFile",
    "Statistics",
    "is_held_out",
    "prepare",
    "read",
    "read_report",
    "read_texts",
    "run",
]
