"""What is measured: one row per figure. Ratios come from runs side by side; nothing here fails because the machine is slow."""

import sys

from lab.system import REPOSITORY

# The collection is measured as its users import it.
sys.path.append(str(REPOSITORY / "build/collections"))
