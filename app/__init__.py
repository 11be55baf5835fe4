"""The web tier under test, with the model, storage and settings that the worker shares."""
