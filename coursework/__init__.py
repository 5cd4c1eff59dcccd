"""Assignments, and their grading outside the student's process.  Run from the top of the repository; not in the wheel."""
