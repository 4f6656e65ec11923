"""One module a decision: Answer, Inputs, Outputs, compute, judge and DECISION."""
