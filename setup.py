"""The part of the package's description that pyproject.toml cannot say: some of the site's assets belong to it too."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["calculator*"], exclude=["*.__pycache__"]), "calculator.assets"],
    package_dir={"calculator.assets": "docs/assets"},
)
