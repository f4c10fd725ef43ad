"""What MLflow finds through entry points: one short file each."""
