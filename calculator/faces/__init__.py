"""Where an answer meets its reader: page, report, JSON, command line, agents, batches."""
