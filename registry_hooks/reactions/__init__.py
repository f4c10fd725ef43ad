"""The reactions of the entry-point group ``ordinis.reactions``, one file each."""
