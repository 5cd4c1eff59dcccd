"""SimGAN, to learn from and to reproduce: simulated images made realistic with unlabelled real ones.

The method, to be read in this order:
    images        ImageSet: images, labels, groups; to_float and to_uint8 between bytes and [-1, 1]
    networks      the refiner, the local discriminator, the estimators of gaze and of hand pose
    losses        equations 1 to 5, and the hand-made psi
    history       the history buffer of section 2.3 (its size: PRESETS in training_config)
    monitor       when a training is lost
    rising        K_g that rises while the discriminator wins
    training_config  the numbers of a run: TrainingConfig, PRESETS, HAND_PRESETS (training offers them, too)
    training      Algorithm 1: Training, refine
    parallel      the same training on several devices, by torchrun
    matching      gray levels matched without learning: the step before the refiner
    features      psi that a network has learned, such as VGG's layers
    gaze          angles, vectors, errors in degrees
    hands         14 joints, the depth camera that sees them, the cube cut out around a hand
    pretrained    refiners in files; some come with the kit
    paper         published numbers, each with its grade and place

The wings around it; each knows only what stands above it:
    system        errors, files, devices, ranks, digests, checkpoints, image sets on disk
    simulators    eyes, whose ranges stand in parameters; camera (the stand-in real domain), evening, release
                  hands: hand_prior draws them, hand_model poses them, ray_casting sees them; stand_in_hands and their depth_camera
    datasets      one reader a release: mpiigaze, nyu, ...; hand_centre: a hand without labels;  tools/: downloads, archives, ...
    neighbours    SS-GAN's rotations against forgetting; a style-based generator, one of eyes in a file; parts from one label
    evaluation    gaze error, pupil shift, realism and its judges, artefacts, the visual Turing test, statistics
                  pose: estimators of hand pose; hands: how far their joints are off; depth_noise: what a camera does to depth
    figures       one module a lesson; results has those of training and of a report, base the style
    experiments   reproduce (the main job), gaze_methods, ablations;  records, tables, pages (report.html.jinja: a report's looks)
    teaching      what notebooks use: checks/ of exercises, one module a lesson; widgets, hand_poser, the failure gallery
    __main__      the command line: python -m simgan_lib --help

An afternoon's reading: the method, simulators, evaluation.gaze and evaluation.realism.  Nothing is imported here.
"""

__version__ = "0.1.0"
