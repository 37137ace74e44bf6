"""Controls on server certificates in IAM."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.iam.certificates import ServerCertificate
from orgaudit.model import Disruption, Effort, Severity, Verdict, require


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Move certificates to AWS Certificate Manager, which renews them.",
        asset="Delete {resource.name} after it has been replaced wherever it is still used.",
        command="aws iam delete-server-certificate --server-certificate-name {resource.name}",
        preventive="Deny iam:UploadServerCertificate with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def iam_server_certificate_valid(certificate: ServerCertificate, observed: AccountFacts) -> Verdict:
    """IAM server certificates have not expired.

    An expired certificate that is deployed by mistake interrupts a service, and users get used to ignoring warnings.
    """
    ends = certificate.expires_at.value
    return require(
        observed.now < ends, then=f"valid until {ends:%Y-%m-%d}", otherwise=f"expired on {ends:%Y-%m-%d}", expires=ends
    )
