"""Links to conversations: a snapshot that who has the link may read, until it is taken back or its time is over."""
