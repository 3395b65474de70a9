"""Before the test part is opened: the trial rehearsed on the validation part, to plan and to calibrate it."""
