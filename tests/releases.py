"""Data sets written by the tests in the layout of their releases."""

import pickle

import h5py
import numpy as np
import scipy.io


def write_day(path, left, right):
    """One .mat file of MPIIGaze.  left, right: dicts with `image` (n, 36, 60) and `gaze` (n, 3), or anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n = len(left.get("image", ()))
    names = np.array([[f"{i + 1:04d}.jpg"] for i in range(n)], dtype=object)
    scipy.io.savemat(path, {"data": {"left": left, "right": right}, "filenames": names}, do_compression=True)
    return path


def write_cifar10(folder, n=20, batches=("data_batch_1", "data_batch_2", "test_batch"), seed=0, **replaced):
    """CIFAR-10's python batches, n pictures each, and batches.meta.  replaced: what else to write for data, labels ..."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for name in batches:
        batch = {"batch_label": name, "labels": random.integers(0, 10, n).tolist(), "filenames": [f"{i}.png" for i in range(n)],
                 "data": random.integers(0, 256, (n, 3072), dtype=np.uint8)} | replaced
        (folder / name).write_bytes(pickle.dumps({key: value for key, value in batch.items() if value is not None}, 2))
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    (folder / "batches.meta").write_bytes(pickle.dumps({"num_cases_per_batch": n, "label_names": names, "num_vis": 3072}, 2))
    return folder


def write_kaggle(folder, n=12, images=None, look_vec=None, real=None, seed=0):
    """gaze.h5 and real_gaze.h5: a group `image` with one picture a name, look_vec (n, 4) with y up, and path.

    images: n other pictures; look_vec: another array, or a dictionary name -> value for a group; real: other pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    images = random.integers(1, 256, (n, 35, 55), dtype=np.uint8) if images is None else images
    with h5py.File(folder / "gaze.h5", "w") as file:
        for i, image in enumerate(images):
            file[f"image/{i:05d}"] = image
        looks = np.array([[0.1, 0.2, -0.97, 0]] * len(images)) if look_vec is None else look_vec
        for name, value in looks.items() if isinstance(looks, dict) else [("", looks)]:
            file[f"look_vec/{name}" if name else "look_vec"] = value
        file["path"] = np.array([f"imgs/{i}.jpg" for i in range(len(images))], dtype="S")
    with h5py.File(folder / "real_gaze.h5", "w") as file:
        for i, image in enumerate(random.integers(1, 256, (n, 35, 55), dtype=np.uint8) if real is None else real):
            file[f"image/{i:05d}"] = image
    return folder
