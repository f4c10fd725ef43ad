"""``python -m ordinis_mlflow.serving --model models:/sp500@champion``: where there are no flows."""

from ordinis_mlflow.command_line import run
from ordinis_mlflow.serving.command import main

if __name__ == "__main__":
    run(main)
