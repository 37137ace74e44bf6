"""Trails: what they record, whether they deliver, and the chain from their log group to a subscriber.

A trail's log group, alarms and topic may live in another account than the trail. They are read where they live and kept
with the trail, in the shard of the account that owns it.
"""
