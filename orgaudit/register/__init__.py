"""The exception register: its file, each exception's state on a date, and which findings it speaks about."""
