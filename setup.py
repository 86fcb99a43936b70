"""What is compiled where there is a C compiler; else the same is done in Python (connectors/compiled.py). The rest: pyproject.toml."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("connectors.avro_native", ["connectors/avro_native.pyx"], optional=True)])
