"""Should I fine-tune a language model, and if not, what instead?"""

MODEL_VERSION = "2026.11.30"
