"""Streams of samples, and how a learner is scored on them."""

from tasks.digits import Digits
from tasks.mnist import Mnist
from tasks.task import Data, Split, Task

__all__ = ["Data", "Digits", "Mnist", "Split", "Task"]
