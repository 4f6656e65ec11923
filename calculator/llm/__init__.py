"""What a language model needs: parameters, memory, time, speed and money. No verdicts."""
