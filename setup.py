"""The part of the package's description that pyproject.toml cannot say.

Some of the site's assets belong to the package, and what only the repository needs does not: the published rows, their
readers and the fits. Where the package is shown, nothing lies beside its description: what leads there stays in words.
"""

import re
from pathlib import Path

from setuptools import find_namespace_packages, setup

LEFT_OUT = ("*.__pycache__", "calculator.evaluation", "calculator.evaluation.*")

described = Path(__file__).with_name("README.md").read_text("utf-8")
described = re.sub(r"!\[[^\]]*\]\((?!https:)[^)]*\)\n\n", "", described)
described = re.sub(r"\[([^\]]+)\]\((?!https:)[^)]*\)", r"\1", described)

setup(
    long_description=described,
    long_description_content_type="text/markdown",
    packages=[*find_namespace_packages(include=["calculator*"], exclude=LEFT_OUT), "calculator.assets"],
    package_dir={"calculator.assets": "docs/assets"},
)
