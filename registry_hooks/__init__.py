"""What the registry asks before a promotion, and what happens after one: found by entry points.

Floor 5: imported by nobody below; `ordinis_mlflow.promotion` finds gates by their entry points.
"""
