"""SimGAN, to learn from and to reproduce: simulated images made realistic with unlabelled real ones."""

__version__ = "0.1.0"
