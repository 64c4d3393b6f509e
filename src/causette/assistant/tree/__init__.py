"""What is done to the nodes of a conversation's tree: correcting a reply, deleting a branch, copying."""
