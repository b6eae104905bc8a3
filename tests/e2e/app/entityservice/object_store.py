"""The object store: the application's own bucket, that of uploads, and passing credentials."""
import json

import minio
from minio.credentials import AssumeRoleProvider

from entityservice import settings

def connect():
    """The internal store, with the application's bucket, which is made if it is not there.

    Both buckets are asked for, so a user that may not see one of them fails here.
    """
    client = minio.Minio(settings.MINIO_SERVER, settings.MINIO_ACCESS_KEY,
                         settings.MINIO_SECRET_KEY, secure=False)
    if not client.bucket_exists(settings.MINIO_BUCKET):
        client.make_bucket(settings.MINIO_BUCKET)
    return client


def connect_to_uploads():
    client = connect()
    if settings.UPLOAD_OBJECT_STORE_ENABLED:
        if not client.bucket_exists(settings.UPLOAD_OBJECT_STORE_BUCKET):
            client.make_bucket(settings.UPLOAD_OBJECT_STORE_BUCKET)
    return client


def _credentials(server, secure, access_key, secret_key, seconds, action, resource):
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": [action],
                       "Resource": ["arn:aws:s3:::" + resource]}],
    }
    # To the store itself, with neither role nor region: only MinIO's kind of STS answers. The path
    # is part of what is signed, so it has to be in the address.
    provider = AssumeRoleProvider(
        "{}://{}/".format("https" if secure else "http", server), access_key, secret_key,
        duration_seconds=seconds, policy=json.dumps(policy))
    given = provider.retrieve()
    return {
        "AccessKeyId": given.access_key,
        "SecretAccessKey": given.secret_key,
        "SessionToken": given.session_token,
        "Expiration": given._expiration.isoformat() + "Z",
    }


def upload_credentials(path):
    connect_to_uploads()
    return _credentials(
        settings.UPLOAD_OBJECT_STORE_SERVER, settings.UPLOAD_OBJECT_STORE_SECURE,
        settings.UPLOAD_OBJECT_STORE_ACCESS_KEY, settings.UPLOAD_OBJECT_STORE_SECRET_KEY,
        settings.UPLOAD_OBJECT_STORE_STS_DURATION, "s3:PutObject",
        "{}/{}/*".format(settings.UPLOAD_OBJECT_STORE_BUCKET, path))


def download_credentials(file):
    return _credentials(
        settings.DOWNLOAD_OBJECT_STORE_SERVER, settings.DOWNLOAD_OBJECT_STORE_SECURE,
        settings.DOWNLOAD_OBJECT_STORE_ACCESS_KEY, settings.DOWNLOAD_OBJECT_STORE_SECRET_KEY,
        settings.DOWNLOAD_OBJECT_STORE_STS_DURATION, "s3:GetObject",
        "{}/{}".format(settings.MINIO_BUCKET, file))


def read(client, bucket, name):
    answer = client.get_object(bucket, name)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def remove_below(client, bucket, prefix):
    for found in client.list_objects(bucket, prefix=prefix, recursive=True):
        client.remove_object(bucket, found.object_name)
