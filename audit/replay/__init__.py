"""One realization made again and compared with what is stored."""
