"""Tasks: streams of samples, and the scores of a learner on them."""

from tasks.data import Data, Drawn, Split
from tasks.digits import Digits
from tasks.evidence import EvidenceAccumulation
from tasks.mnist import Mnist
from tasks.pattern import PatternGeneration
from tasks.task import Task

__all__ = ["Data", "Digits", "Drawn", "EvidenceAccumulation", "Mnist", "PatternGeneration", "Split", "Task"]
