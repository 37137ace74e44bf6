"""What changes in the emulated organization between the quarters of docs/a-quarter.md."""

from __future__ import annotations

import json
from typing import Any

import boto3

from orgaudit.demo import Demo

MANAGEMENT, NETWORK, SHARED = "214365870912", "402958167743", "417630285594"
DATA, WEBSHOP_DEV, MOBILE = "548193720661", "612947305518", "634718250996"
SANDBOX_PLATFORM, SANDBOX_DATA = "708263951447", "715930482663"


class Organization:
    """The organization of one demo, with a session in each account that outlives the account's audit role."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._keys: dict[str, dict[str, str]] = {}
        accounts = (NETWORK, SHARED, DATA, WEBSHOP_DEV, SANDBOX_PLATFORM, SANDBOX_DATA)
        for account in accounts:
            self._keys[account] = self._session(account)
        self._trust = {account: self._trust_of(account) for account in (NETWORK, SHARED)}
        self._lose_role(NETWORK)

    def change_before(self, quarter: int) -> None:
        """Make the changes that happen before an audit; the first quarter is 1."""
        changes = {2: self._second, 3: self._third, 4: self._fourth, 5: self._fifth, 6: self._sixth, 7: self._seventh}
        changes.get(quarter, lambda: None)()

    def _second(self) -> None:
        self._require_long_passwords(WEBSHOP_DEV)
        self._version(WEBSHOP_DEV, "meridian-shop-test", "Enabled")
        self._client("s3", SANDBOX_PLATFORM).delete_bucket(Bucket="meridian-try-out")
        place: Any = {"LocationConstraint": "eu-west-1"}
        self._client("s3", DATA, "eu-west-1").create_bucket(Bucket="meridian-exports", CreateBucketConfiguration=place)
        self._give_role(NETWORK)

    def _third(self) -> None:
        self._version(WEBSHOP_DEV, "meridian-shop-test", "Suspended")
        self._client("organizations").remove_account_from_organization(AccountId=MOBILE)
        self._lose_role(SHARED)

    def _fourth(self) -> None:
        self._give_role(SHARED)

    def _fifth(self) -> None:
        for account in (SANDBOX_PLATFORM, SANDBOX_DATA):
            self._require_long_passwords(account)

    def _sixth(self) -> None:
        self._version(DATA, "meridian-exports", "Enabled")

    def _seventh(self) -> None:
        self._version(DATA, "meridian-exports", "Suspended")

    def _client(self, service: str, account: str = MANAGEMENT, region: str = "us-east-1") -> Any:
        keys = self._keys.get(account) or {
            "aws_access_key_id": self._demo.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self._demo.environment["AWS_SECRET_ACCESS_KEY"],
        }
        make: Any = boto3.client
        return make(service, endpoint_url=self._demo.endpoint_url, region_name=region, **keys)

    def _session(self, account: str) -> dict[str, str]:
        answer = self._client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{self._demo.role_name}", RoleSessionName="owner"
        )["Credentials"]
        return {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }

    def _trust_of(self, account: str) -> dict[str, Any]:
        role = self._client("iam", account).get_role(RoleName=self._demo.role_name)["Role"]
        trust: dict[str, Any] = role["AssumeRolePolicyDocument"]
        return trust

    def _lose_role(self, account: str) -> None:
        iam, name = self._client("iam", account), self._demo.role_name
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def _give_role(self, account: str) -> None:
        self._client("iam", account).create_role(
            RoleName=self._demo.role_name, AssumeRolePolicyDocument=json.dumps(self._trust[account])
        )

    def _require_long_passwords(self, account: str) -> None:
        self._client("iam", account).update_account_password_policy(MinimumPasswordLength=14)

    def _version(self, account: str, bucket: str, status: str) -> None:
        self._client("s3", account).put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
