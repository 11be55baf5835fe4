"""What touches the world: the ledger's rows, queue, workers, machine, calibration."""
