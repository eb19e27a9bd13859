"""`famedash bench`: each figure beside its limit, measured alternately on the same machine.

The package's own programs (sink, load, bare client, empty API) run in processes of their own, on loopback
only, and end by themselves.
"""
