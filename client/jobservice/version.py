"""The version of this package. Imports nothing."""

VERSION = "0.1.0"
