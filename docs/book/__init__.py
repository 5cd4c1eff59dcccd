"""What the book adds to Sphinx, one idea a module; each is an extension that docs/conf.py names."""
