"""Data sets written by the tests in the layout of their releases."""

import json

import h5py
import numpy as np
import scipy.io
from PIL import Image

from simgan_lib.gaze import gaze_vector
from simgan_lib.simulators.eyes import simulate

# Of NYU's 36 joints those that the text extract has, in its order: tip and middle of little, ring, middle and index finger,
# thumb (tip, two joints), wrist (two), palm.
NYU_TEXT = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]


def write_cifar10(folder, n=20, batches=("data_batch_1", "data_batch_2", "test_batch"), seed=0, data=None, kinds=None):
    """CIFAR-10's binary batches, n records each.  data: uint8 (n, 3072) of every batch; kinds: n numbers; else drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for name in batches:
        drawn = random.integers(0, 10, n), random.integers(0, 256, (n, 3072))
        first, rest = (new if given is None else given for given, new in zip((kinds, data), drawn))
        np.c_[first, rest].astype(np.uint8).tofile(folder / f"{name}.bin")
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


def write_unityeyes(folder, n=6, size=(480, 640), seed=0, change=None):
    """UnityEyes' imgs/N.jpg and N.json: n simulated eyes, none of them in the middle, the landmarks where they belong.

    Points are measured in pixels from the bottom left corner of the picture, whose first pixel's middle is (0.5, 0.5).
    change: called with (number, json's dictionary), may alter it or return what to write in its place.
    """
    (folder / "imgs").mkdir(parents=True, exist_ok=True)
    eyes = simulate(n, seed, size=(84, 140), colour=True)
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    for i in range(n):
        picture = np.full((*size, 3), 90, np.uint8)
        top, left = 40 + 25 * (i % 7), 330 - 37 * (i % 5)
        picture[top:top + 84, left:left + 140] = eyes.images[i].permute(1, 2, 0).numpy()
        x, y, a, _, _ = eyes.labels["iris"][i].tolist()

        def text(points, height=size[0], left=left, top=top):
            return [f"({left + px + 0.5:.4f}, {height - (top + py + 0.5):.4f}, 9.0000)" for px, py in points]
        gx, gy, gz = gaze_vector(eyes.labels["gaze"][i]).tolist()
        about = {"iris_2d": text([(x + a * np.cos(t), y + a * np.sin(t)) for t in turns]),
                 "interior_margin_2d": text([(20, 42), (70, 25), (120, 42), (70, 55)]),
                 "caruncle_2d": text([(12, 44), (16, 42), (18, 44)]),
                 "eye_details": {"look_vec": f"({gx:.4f}, {-gy:.4f}, {gz:.4f}, 0.0000)"}}
        about = (change(i, about) or about) if change else about
        Image.fromarray(picture).save(folder / "imgs" / f"{i + 1}.jpg", quality=95)
        (folder / "imgs" / f"{i + 1}.json").write_text(about if isinstance(about, str) else json.dumps(about))
    return folder


def write_syntheseyes(folder, n=4, subject="f01", seed=0):
    """SynthesEyes' pictures of one subject, 120x80 RGBA, the gaze in their names, and beside each a pickle that is none."""
    (folder / subject).mkdir(parents=True, exist_ok=True)
    eyes = simulate(n, seed, size=(80, 120), colour=True)
    for i in range(n):
        pitch, yaw = eyes.labels["gaze"][i].tolist()
        path = folder / subject / f"{subject}_{i + 100}_{pitch:.4f}_{yaw:.4f}.png"
        Image.fromarray(eyes.images[i].permute(1, 2, 0).numpy()).convert("RGBA").save(path)
        path.with_suffix(".pkl").write_bytes(b"it is not read")
    return folder


def write_folder(folder, sizes=((35, 55), (70, 110), (100, 60)), seed=0, table=None):
    """Pictures of one's own: 0.png, sub/1.jpg, sub/2.bmp ...; table: the text of labels.csv."""
    random = np.random.default_rng(seed)
    for i, size in enumerate(sizes):
        path = folder / ("" if i == 0 else "sub") / f"{i}.{('png', 'jpg', 'bmp')[i % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(20, 250, (*size, 3), dtype=np.uint8)).save(path)
    if table is not None:
        (folder / "labels.csv").write_text(table)
    return folder


def write_nyu(folder, frames=3, part="test", text=False, seed=0):
    """NYU's part of `frames` frames of camera 1: a slanted hand of 200 mm before a wall, its 36 joints on it.

    text: the joints as the text extract instead of joint_data.mat.
    """
    place = folder / part
    place.mkdir(parents=True, exist_ok=True)
    random, joints = np.random.default_rng(seed), np.zeros((3, frames, 36, 3))
    for frame in range(frames):
        middle, near = np.array([250 + 20 * frame, 220]), 700 + 30 * frame
        mm = np.full((480, 640), 2000)
        v, u = np.mgrid[:480, :640]
        hand = (abs(u - middle[0]) < 60) & (abs(v - middle[1]) < 70)
        mm[hand] = near + (u - middle[0])[hand] // 2
        spots = middle + random.integers(-50, 50, (36, 2))
        joints[:, frame] = np.c_[spots, mm[spots[:, 1], spots[:, 0]] + 5]           # bones lie below the skin
        picture = np.stack([np.zeros_like(mm), mm // 256, mm % 256], -1).astype(np.uint8)
        Image.fromarray(picture).save(place / f"depth_1_{frame + 1:07d}.png")
    if text:
        np.savetxt(folder / "nyu_test_groundtruth_label.txt", joints[0][:, NYU_TEXT].reshape(frames, -1), "%.3f")
        (folder / "nyu_test_list.txt").write_text("".join(f"test/depth_1_{frame + 1:07d}.png\n" for frame in range(frames)))
    else:
        scipy.io.savemat(place / "joint_data.mat", {"joint_uvd": joints, "joint_names": np.array(["F1"] * 36, dtype=object)})
    return folder


def write_nyu_published(folder, off, seed=0):
    """NYU's joints of all 8,252 test frames as text, without pictures, and packed predictions that are off by a known amount.

    off: {method: numbers (14, 3) or fewer that are added to u, v and z}.  All joints are 588.03 mm away, so that 1 px in u is 1 mm.
    Returns the true joints (8252, 14, 3), in tenths, as the packed predictions are.
    """
    (folder / "test").mkdir(parents=True, exist_ok=True)
    (folder / "published_predictions").mkdir()
    joints = np.full((8252, 14, 3), 588.03)
    joints[..., :2] = np.random.default_rng(seed).integers(1000, 4000, (8252, 14, 2)) / 10
    np.savetxt(folder / "nyu_test_groundtruth_label.txt", joints.reshape(8252, -1), "%.2f")
    (folder / "nyu_test_list.txt").write_text("".join(f"test/depth_1_{frame:07d}.png\n" for frame in range(1, 8253)))
    np.savez_compressed(folder / "published_predictions" / "uvd_tenths.npz",
                        **{name: np.rint(10 * (joints + of)).astype(np.int16) for name, of in off.items()})
    return joints
