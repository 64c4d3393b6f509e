"""The books: what was used, what it costs the customer, what it cost us."""
