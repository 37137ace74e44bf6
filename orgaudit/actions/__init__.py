"""What to do first: open issues by what removes them together, ordered by risk points per effort."""
