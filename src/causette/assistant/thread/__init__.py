"""What is shown of a conversation: a run of one branch's messages, however long the branch is."""
