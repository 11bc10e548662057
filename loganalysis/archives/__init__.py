"""Archives: finds their members and reads each one as a stream. Nothing is unpacked to disk.

Imports only loganalysis.input; knows nothing of patterns and counts.
"""
