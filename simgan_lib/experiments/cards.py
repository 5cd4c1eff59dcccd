"""The cards of the networks that come with the kit, refiners, a generator, a part segmenter, as a page: docs/refiners.md."""

from ..evaluation.hands import TOLERANCE
from ..evaluation.masks import SEEN
from ..neighbours import generators, segmenters
from ..pretrained import SHIPPED, names_in, read_card, shipped_names
from .records import Records
from .tables import markdown_table, shown

CARD_MEASURES = {              # measure of a card's rows: (heading, how it is printed, factor)
    "spectrum_distance_db": ("distance of the power spectrum to the domain's, dB", ".2f", 1),
    "two_sample_accuracy": ("told from the domain by a network, % right (50: by guessing)", ".1f", 100),
    "two_sample_accuracy_squinting": ("the same, against eyes of which all squint", ".1f", 100),
    "distance_to_ideal_levels": ("gray levels from the ideal, mean", ".1f", 1),
    "pupils_in_place": ("pupil found where the label has it, %", ".1f", 100),
    "iris_contrast": ("contrast of the iris", ".2f", 1),
    "hand_kept_percent": (f"pixels of the hand that keep their depth within {TOLERANCE:g} mm, %", ".1f", 1),
    "painted_percent": ("painted where nothing was, % of the hand's pixels", ".1f", 1),
    "joints_kept_percent": (f"seen joints whose pixel keeps its depth within {TOLERANCE:g} mm, %", ".1f", 1),
    "joint_depth_mm": ("change of depth at seen joints, mm", ".2f", 1),
}
GENERATOR_MEASURES = {         # the same of a generator's card
    "kernel_distance": ("kernel distance to other fresh eyes of the simulator", ".4f"),
    "right_percent": ("told from these by a network, % right (50: by guessing)", ".1f"),
    "pair_difference": ("difference of two of the eyes, gray levels, mean", ".1f"),
    "nearest_training": ("difference from the nearest training eye, gray levels, mean", ".1f"),
}
SEGMENTER_MEASURES = {         # and of a part segmenter's
    **{f"iou_{part}": (f"intersection over union, {part}", ".3f") for part in SEEN},
    "iou_mean": ("intersection over union, mean", ".3f"),
    "pupil_px": ("pupil's centre from the exact mask's, px, mean", ".2f"),
    "no_pupil_percent": ("no pupil seen, %", ".1f"),
    "iris_px": ("centre of iris and pupil from the exact mask's, px, mean", ".2f"),
    "no_iris_percent": ("neither seen, %", ".1f"),
}
CARDS_HEAD = """# The refiners that come with the kit, a generator and a part segmenter

Made of the cards inside `simgan_lib/refiners/*.safetensors`, `generators/*.safetensors` and `segmenters/*.safetensors` by
`python -m simgan_lib results`; no number here was typed. `load_shipped("gray")` gives a refiner and its card,
`load_shipped_generator()` the generator, `load_shipped_segmenter()` the segmenter; the notebooks use them without a GPU. All
of the pictures that they learned from were simulated."""


def shipped_cards():
    """The cards of the refiners that come with the kit."""
    return [read_card(SHIPPED / f"{name}.safetensors") for name in shipped_names()]


def job_of(card):
    """The Job of a card's measurements."""
    run = {"run": card["name"], "experiment": "shipped", "profile": card["profile"], "domain": card["data"]["real"], "job": {}}
    return Records.of_run(run, card["measurements"]).jobs()[0]


def card_table():
    """One line for each shipped refiner, in Markdown: what it does to the label, and how near it comes to its domain."""
    head = ["refiner", "towards", "pupil moved, px", "power spectrum, dB: synthetic, refined", "told apart, %: synthetic, refined",
            "minutes of training", "commit"]
    return markdown_table(head, [_card_row(card, job_of(card)) for card in shipped_cards()])


def _card_row(card, job):
    pairs = (", ".join(_cell(job, kind, name) for kind in ("synthetic", "refined"))
             for name in ("spectrum_distance_db", "two_sample_accuracy"))
    return [card["name"], card["data"]["real"], shown(job.get("refined", "pupil_shift_px")), *pairs, f"{card['seconds'] / 60:.0f}",
            card["commit"]]


def cards_page():
    """The whole of docs/refiners.md."""
    refiners = [part for card in shipped_cards() for part in _card_parts(card, job_of(card))]
    others = [part for wing, kind, parts in ((generators, "generator", generator_parts), (segmenters, "segmenter", segmenter_parts))
              for name in names_in(wing.SHIPPED) for part in parts(read_card(wing.SHIPPED / f"{name}.safetensors", kind))]
    return "\n\n".join([CARDS_HEAD, *refiners, *others]) + "\n"


def generator_parts(card):
    """The card of a style-based generator as parts of a page."""
    network = f"style-based, {card['width']} to {card['widest']} feature maps, images of {card['height']}x{card['across']}"
    return _described(card, "a generator", network, GENERATOR_MEASURES,
                      {"generated": "generated eyes", "simulated": "fresh simulated eyes"})


def segmenter_parts(card):
    """The card of a part segmenter as parts of a page."""
    network = f"UNet, {card['inputs']} channel to {card['outputs']} parts, {card['width']} feature maps, {card['depth']} halvings"
    return _described(card, "a part segmenter", network, SEGMENTER_MEASURES,
                      {"drawn": "as drawn", "camera": "through a camera", "wild": "the stand-in domain's kind of eyes"},
                      **{"measured on": f"{card['measurements'][0]['n']:,} fresh eyes of each kind"})


def _described(card, kind, network, measures, subjects, **more):
    """A network's facts, and its measures {name: (heading, form)} for each of the subjects {name: heading}."""
    data, job = card["data"], job_of(card)
    facts = {
        "purpose": card["purpose"], "what it is not": card["what_it_is_not"], "command": f"`{card['command']}`",
        "seed": card["seed"], "commit": card["commit"], "data": data["real"], "licence": data["licence"], "network": network,
        **_made(card), **more}
    rows = [[heading, *(shown(job.get(subject, name), form) for subject in subjects)] for name, (heading, form) in measures.items()]
    return [f"## {card['name']}, {kind}", _listed(facts), markdown_table(["", *subjects.values()], rows)]


def _card_parts(card, job):
    """One card as parts of a page."""
    data, moved = card["data"], job.get("refined", "pupil_shift_px_failed")
    facts = {
        "purpose": card["purpose"], "command": f"`{card['command']}`", "seed": card["seed"], "commit": card["commit"],
        "data": f"{data['synthetic']} ({_entering(card)}), {data['real']}", "licence": data["licence"],
        "network": f"{card['channels']} to {card['channels']} channels, {card['width']} feature maps, {card['blocks']} blocks, "
                   f"{card['noise']} of noise, images of {card['size'][0]}x{card['size'][1]}",
        **_made(card)}
    if moved is not None:
        facts["pupil"] = (f"moved by {shown(job.get('refined', 'pupil_shift_px'))} px (mean ± deviation over {moved['n']:,.0f} "
                          f"eyes that no training drew); the finder's own error "
                          f"{shown(job.get('synthetic', 'pupil_finder_px'))}; none found in {100 * moved['mean']:.1f} %")
    return [f"## {card['name']}", _listed(facts), _measures_table(job)]


def _made(card):
    """How the network was made."""
    precision = card.get("precision", "not recorded")
    return {"settings": ", ".join(f"{name} {_plain(value)}" for name, value in card["config"].items()),
            "training": f"{card['seconds'] / 60:.0f} minutes on {card['hardware']}; precision {precision}",
            "versions": ", ".join(f"{name} {version}" for name, version in card["versions"].items())}


def _listed(facts):
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def _measures_table(job):
    """Measures that a card has for several kinds of images, kind by kind."""
    kinds = list(dict.fromkeys(job.rows.loc[job.rows["measure"].isin(CARD_MEASURES), "subject"]))
    rows = [[heading, *(_cell(job, kind, name) for kind in kinds)] for name, (heading, _, _) in CARD_MEASURES.items()
            if job.get("refined", name) is not None]
    return markdown_table(["", *kinds], rows)


def _cell(job, kind, name):
    _, form, factor = CARD_MEASURES[name]
    return shown(job.get(kind, name), form, factor)


def _entering(card):
    return "gray levels matched first" if card["refine_from"] == "synthetic_matched" else "as they are"


def _plain(value):
    return f"{value:.4g}" if isinstance(value, float) else value
