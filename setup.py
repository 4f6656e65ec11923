"""The part of the package's description that pyproject.toml cannot say: some of the site's assets belong to it too."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["calculator*"]), "calculator.assets"],
    package_dir={"calculator.assets": "docs/assets"},
)
