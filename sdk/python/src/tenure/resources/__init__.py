"""What belongs to a session or to the daemon, one file for each kind of thing."""
