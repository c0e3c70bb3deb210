"""Groups → batches for training: PyTorch datasets and classic augmentations to compare with."""
