"""Every estimator in worlds of known truth: how often its 95 % interval holds it, and whether the report warns.

`python -m framework.testing.coverage FOLDER` makes the table (`table.main`). A new estimator is a function from
`Trials` to `Found` in `designs` or `readings`, a row in `cases.CASES` and one in `slack.SLACK`.
"""
