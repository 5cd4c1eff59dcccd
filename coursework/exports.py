"""Marks as CSV, and in the forms that Canvas, Moodle and Gradescope import.

These forms are written from memory of their published descriptions, not tried on a running Canvas, Moodle or Gradescope:
import one student first.  Canvas asks for its own ids, which its gradebook export has: names stand in their place.
"""

import csv
import json


def export(course, rows):
    """Write exports/: marks.csv, canvas.csv, moodle.csv, gradescope/STUDENT-ASSIGNMENT.json.  rows: [(student, assignment)]."""
    marks = {row: json.loads((course / "marks" / row[0] / f"{row[1]}.json").read_text()) for row in rows}
    folder = course / "exports"
    (folder / "gradescope").mkdir(parents=True, exist_ok=True)
    total = {row: sum(part["earned"] for part in found["parts"]) for row, found in marks.items()}
    _write(folder / "marks.csv", ["student", "assignment", "part", "criterion", "points", "earned", "message"],
           [[_text(value) for value in (*row, part["name"], each["name"], each["points"], each["earned"], each["message"])]
            for row, found in marks.items() for part in found["parts"] for each in part["criteria"]])
    names, students = sorted({name for _, name in rows}), sorted({student for student, _ in rows})
    _write(folder / "canvas.csv", ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names],
           [[_text(student), "", _text(student), _text(student), "", *(total.get((student, name), "") for name in names)]
            for student in students])
    _write(folder / "moodle.csv", ["username", *names],
           [[_text(student), *(total.get((student, name), "") for name in names)] for student in students])
    for (student, name), found in marks.items():
        tests = [{"name": f"{part['name']}: {each['name']}", "score": each["earned"], "max_score": each["points"],
                  "output": each["message"], "visibility": "after_published"}
                 for part in found["parts"] for each in part["criteria"]]
        text = json.dumps({"tests": tests, "execution_time": found["seconds"]}, indent=1)
        (folder / "gradescope" / f"{student}-{name}.json").write_text(text)
    print(folder / "marks.csv")


def _text(value):
    """A spreadsheet takes what begins with one of these signs for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and value else value


def _write(path, head, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
