"""EC2 and VPC: networks, what is recorded about their traffic, and how new and running instances are configured."""

PER_PAGE = 1000
"""The most that one answer holds: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html"""
