"""The detector: a plain PyTorch library; importing the package itself loads nothing heavy."""
