"""What follows from the facts of trails: the chain from an event to an alarm's subscriber, and the trail's bucket."""
