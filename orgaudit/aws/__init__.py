"""How AWS is called: the only package that imports aioboto3, aiobotocore or botocore."""
