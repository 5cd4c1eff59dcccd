"""SimGAN's two neighbours: SS-GAN, another cure for a discriminator that forgets, and RepurposeGAN, labels from what a generator
has learned."""
