"""Eyes with exact labels, the stand-in for real ones, eyes in the evening sun, a small release; hands in depth.  No real person."""
