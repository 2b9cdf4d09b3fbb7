"""A store in a local folder, which outlives the server."""

from .opening import open_folder as open_folder
