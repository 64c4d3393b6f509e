"""Bytes that are too many for the database: kept once each, under what they consist of."""

from causette.blobs.buckets import Bucket, StorageFull
from causette.blobs.folder import FolderBucket
from causette.blobs.s3 import S3Bucket
from causette.blobs.service import Blobs, Received

__all__ = ["Blobs", "Bucket", "FolderBucket", "Received", "S3Bucket", "StorageFull"]
