"""Streams of samples, and how a learner is scored on them."""

from tasks.data import Data, Drawn, Split
from tasks.digits import Digits
from tasks.mnist import Mnist
from tasks.task import Task

__all__ = ["Data", "Digits", "Drawn", "Mnist", "Split", "Task"]
