"""The search for each strategy's parameters on the validation part: the test part stays sealed."""
