"""Fitted recommenders on disk: plain arrays, ids and a record, which are read without running anything from a file."""

from framework.artefacts.folder import Artefact, read, write
from framework.artefacts.id_maps import Items, Users
from framework.artefacts.loading import Loaded, load
from framework.artefacts.record import Record

__all__ = ["Artefact", "Items", "Loaded", "Record", "Users", "load", "read", "write"]
