"""The version of this package. Imports nothing."""

VERSION = "0.2.0"
