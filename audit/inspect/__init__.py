"""What a file or folder is."""
