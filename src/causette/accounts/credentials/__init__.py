"""Ways in and ways back in: sign-up and invitations, links by mail, second factors, passkeys, and leaving."""
