"""The version of this package. Imports nothing."""

VERSION = "1.0.0"
