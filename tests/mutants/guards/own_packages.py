"""Guards of the packages that own job types need: they replace none of the service's."""

from tests.mutants.mutant import Mutant

MAKE = ("tests/test_make.py",)

OWN_PACKAGES = (
    Mutant(
        "packages of job types cannot need other versions than the service",
        "Makefile",
        "--constraint $(VENV)/versions.txt ",
        "",
        MAKE,
    ),
    Mutant(
        "packages of the service come before those of job types",
        "Makefile",
        '.write("$(abspath $(TYPES_PACKAGES))\\n")',
        '.write("import sys; sys.path.insert(0, '
        r'\"$(abspath $(TYPES_PACKAGES))\")\n")',
        MAKE,
    ),
    Mutant(
        "packages that no job type needs any longer are removed",
        "Makefile",
        "@$(if $(TYPES_REQUIRE),,rm -rf $(TYPES_PACKAGES))",
        "@true",
        MAKE,
    ),
)
