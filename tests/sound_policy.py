"""A policy that asks of a model to be sound, and not to be good."""

SOUND = """
aliases = { champion = "Production" }
[models."*".Production]
manifest = {}
probe = {}
[models."*".Staging]
manifest = {}
"""
