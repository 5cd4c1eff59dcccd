"""nbgrader's settings: our marks take the place of its own execution, so no student's code runs in its process."""

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)

from coursework.course import put_marks

c = get_config()  # noqa: F821
c.Autograde.autograde_preprocessors = [
    put_marks, IgnorePattern, LimitOutput, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("no answer yet")  # your code'}
c.ClearSolutions.text_stub = "*Your answer*"
