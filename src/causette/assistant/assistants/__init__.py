"""Custom assistants: a name, a picture, instructions and means that a conversation is begun with, kept or shared."""
