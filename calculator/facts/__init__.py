"""What is known about the world, each number with its source and its day."""
