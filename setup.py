"""The part of the package's description that pyproject.toml cannot say.

Some of the site's assets belong to the package, and what only the repository needs does not: the published rows, their
readers and the fits.
"""

from setuptools import find_namespace_packages, setup

LEFT_OUT = ("*.__pycache__", "calculator.evaluation", "calculator.evaluation.*")

setup(
    packages=[*find_namespace_packages(include=["calculator*"], exclude=LEFT_OUT), "calculator.assets"],
    package_dir={"calculator.assets": "docs/assets"},
)
