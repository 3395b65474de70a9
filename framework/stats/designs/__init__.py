"""How units got into the arms, and the estimators that go with it."""
