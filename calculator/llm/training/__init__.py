"""What training takes: memory, time and money."""
