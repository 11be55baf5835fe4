"""The suite: matrix -> load -> [deployment] -> measure -> judge -> report."""
