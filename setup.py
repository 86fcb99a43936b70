"""What is compiled where there is a C compiler; else the same is done in Python (connectors/compiled.py). The rest: pyproject.toml."""

from setuptools import Extension, setup

COMPILED = ("avro_native", "huge_pages", "tuple_fields")

setup(ext_modules=[Extension(f"connectors.{name}", [f"connectors/{name}.pyx"], optional=True) for name in COMPILED])
