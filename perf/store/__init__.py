"""What is written and read back: documents, runs, history, secrets."""
