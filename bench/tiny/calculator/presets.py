"""No presets."""


def presets():
    """Nothing."""
    return ()
