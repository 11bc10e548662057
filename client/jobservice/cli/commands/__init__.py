"""The commands of `jobservice`, one module for each group. They use the modules of
`jobservice.cli`, and the public interface of `jobservice`.
"""
