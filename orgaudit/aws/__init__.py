"""How AWS is asked: the only package that imports aioboto3, aiobotocore or botocore."""
