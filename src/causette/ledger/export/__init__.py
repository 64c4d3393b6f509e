"""The books for others to read: FOCUS data sets for people who watch costs, CloudEvents for programs that bill."""
