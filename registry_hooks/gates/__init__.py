"""The gates of the entry-point group ``ordinis.gates``, one file each."""
