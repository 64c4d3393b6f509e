"""Knowledge: passages of files, found and cited."""
