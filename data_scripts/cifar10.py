"""CIFAR-10: small photographs of ten kinds of things; unlabelled real images for experiments beside eyes and hands.

What      60,000 colour pictures 32x32; the binary edition (the one for Python is pickles, which may run code)
Labels    the kind of thing
Size      170.1 MB to fetch; MD5 pinned (grade A: its page and public programs name it), SHA-256 recorded
Licence   none is stated on its page, as far as we know
Page      https://www.cs.toronto.edu/~kriz/cifar.html
Cite      Krizhevsky: Learning Multiple Layers of Features from Tiny Images. Technical report, 2009.
By hand   nothing; if the server is away, put cifar-10-binary.tar.gz into FOLDER and give the same command
"""

from _program import Release, run

SITE = "www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
RELEASE = Release(
    reader="cifar10", about=__doc__, unpacked="cifar-10-batches-bin", whole=60_000, size=None,
    files=(("cifar-10-binary.tar.gz", (f"https://{SITE}", f"http://{SITE}"), "https://www.cs.toronto.edu/~kriz/cifar.html",
            "md5:c32a1d4ab5d03f1284b67883e8d87530", 170_052_171),))

if __name__ == "__main__":
    raise SystemExit(run(RELEASE))
