"""The panels of the lab. Each is a widget that shows itself as the last line of a cell and works alone:

    from mnistlab.app import Lab, TrainingPanel, CurvesPanel
    lab = Lab()
    TrainingPanel(lab)

Panels do not know each other. What they share is one `Lab`; a panel that is given none makes its own.
"""

from .answer import Answer
from .curves import CurvesPanel
from .data import DataPanel
from .digit import DigitPanel
from .inside import InsidePanel
from .keeping import KeepingPanel
from .lab import Lab
from .live import Live
from .mistakes import MistakesPanel
from .training import TrainingPanel

__all__ = [
    "Answer", "CurvesPanel", "DataPanel", "DigitPanel", "InsidePanel", "KeepingPanel", "Lab", "Live",
    "MistakesPanel", "TrainingPanel",
]
