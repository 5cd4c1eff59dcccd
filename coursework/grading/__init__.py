"""How answers are asked and marked: `wire` < `proxy` < `worker` (the student's side), `sandbox`, `marking` (the grader's)."""
