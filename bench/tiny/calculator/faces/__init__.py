"""What the worker may call."""
