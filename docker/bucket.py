"""Make the bucket of the artifacts, if it is not there; waits for the S3 server.

Boto3 reads ``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and
``AWS_DEFAULT_REGION``.
"""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10}, connect_timeout=5)
OURS = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def main(name: str) -> None:
    """Make it; one that somebody else owns cannot be read, and is refused."""
    client = boto3.client("s3", config=PATIENT)
    try:
        client.create_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in OURS:
            raise
    client.head_bucket(Bucket=name)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"error: the bucket {sys.argv[1]!r} cannot be had: {error}")
