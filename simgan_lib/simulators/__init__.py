"""Eyes with exact labels, the stand-in for real ones, eyes in the evening sun, a small release to read; hands in depth.  No image of a person."""
