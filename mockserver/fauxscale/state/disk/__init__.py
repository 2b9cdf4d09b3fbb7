"""A store in a folder of this machine, which outlives the server."""

from .opening import open_folder as open_folder
