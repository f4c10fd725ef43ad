"""The entry points of MLproject: one file each, of the same name, to be read top to bottom."""
