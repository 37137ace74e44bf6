"""A second opinion: what Security Hub or Prowler says beside what a run says, finding by finding."""
