"""How a case of each kind runs, and the data it gives."""
