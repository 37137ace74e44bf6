"""Controls on EC2 and VPC, one module for each kind of resource."""
