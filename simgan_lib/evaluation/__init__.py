"""Measuring: gaze error, pupil shift, realism, artefacts, the visual Turing test; judges that learn, and statistics."""
